import { AcceptanceAnswer, QueueStatusAnswer, TrackingAnswer, WAIT_PATTERN } from '../schemas.ts';
import { ACCEPTED, CONFIRMED, PAID, QUEUED, REJECTED } from './examples.ts';
import { errorAnswer, inPath, inQuery, jsonAnswer, type Paths, problemAnswer, textAnswer } from './parts.ts';
import { BAD_PURCHASE_INPUT, PURCHASE_INPUT } from './sync-paths.ts';

const tags = ['async'];
const ID = { type: 'string', format: 'uuid', examples: [PAID.orderId] };

export const ASYNC_PATHS: Paths = {
  '/api/v1/async/purchase': {
    post: {
      operationId: 'accept',
      tags,
      summary: 'Hand a purchase in and hear the outcome later',
      description:
        'Also accepted when the units are already gone or the sale is closed; the outcome is then `rejected`.',
      ...PURCHASE_INPUT,
      responses: {
        '202': jsonAnswer('The queue has durably taken the purchase', AcceptanceAnswer, {
          headers: ['Location'],
          examples: { accepted: ACCEPTED },
        }),
        ...BAD_PURCHASE_INPUT,
        '503': jsonAnswer(
          '`overloaded` or `unavailable`: not taken. `outcome_unknown`: perhaps taken; trackingId tells it later.',
          AcceptanceAnswer,
          {
            headers: ['Retry-After'],
            examples: {
              unavailable: {
                ...ACCEPTED,
                accepted: false,
                message: 'This cannot be done now. Nothing was done.',
                trackingId: null,
                code: 'unavailable',
              },
            },
          },
        ),
      },
    },
  },
  '/api/v1/async/purchase/{trackingId}': {
    get: {
      operationId: 'track',
      tags,
      summary: 'What became of an accepted purchase',
      description: 'On success the tracking id is the order id.',
      parameters: [
        inPath('trackingId', ID, 'As the 202 gave it'),
        inQuery(
          'wait',
          { type: 'string', pattern: WAIT_PATTERN },
          'Seconds to wait for the outcome, 0 to 30, like `10s`',
        ),
      ],
      responses: {
        '200': jsonAnswer('The purchase as it stands', TrackingAnswer, {
          examples: { queued: QUEUED, confirmed: CONFIRMED, rejected: REJECTED },
        }),
        '400': problemAnswer('`invalid_request`: wait is not understood'),
        '404': problemAnswer('`not_found`: this id was never issued'),
      },
    },
  },
  '/api/v1/async/queue/status': {
    get: {
      operationId: 'queueStatus',
      tags,
      summary: 'Real figures of the queues',
      responses: { '200': jsonAnswer('The figures', QueueStatusAnswer) },
    },
  },
  '/api/v1/async/health': {
    get: {
      operationId: 'asyncHealth',
      tags,
      summary: 'Whether the async way can serve',
      responses: {
        '200': textAnswer('It can', 'Async Purchase Service is running'),
        '503': errorAnswer('`unavailable`', ['Retry-After']),
      },
    },
  },
};
