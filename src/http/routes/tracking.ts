import Type from 'typebox';
import { purchasesIn } from '../../telemetry/backlog.ts';
import { NOT_KNOWN } from '../buyers/buyers.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, problemAnswer, type Route, routesOf } from '../route.ts';
import { AmountMinor, Currency, list, ProductId, Quantity, shape, Timestamp, Uuid } from '../schemas.ts';
import type { Service } from '../service.ts';
import { NOT_STORED, wrong } from './inputs.ts';
import { ORDER_ID } from './order-answer.ts';
import { DeadLetterFigures, PurchaseFigures, QUEUE } from './queue-figures.ts';
import { serviceHealthRoute } from './service-health.ts';

type TrackingRequest = Request & { readonly params: { readonly trackingId: string } };

/** Longest `?wait=`: below the time that balancers give an answer. */
const WAIT_S_MAX = 30;
const WAIT_PATTERN = '^(0?[0-9]|[12][0-9]|30)s?$';
const WAIT = new RegExp(WAIT_PATTERN);

const TrackingAnswer = shape(
  'TrackingAnswer',
  'productId and quantity are absent while the purchase is queued: only the queue knows them then. ' +
    '`amountMinor` and `currency` are there when it is confirmed.',
  {
    trackingId: Uuid,
    status: Type.Enum(['queued', 'confirmed', 'rejected', 'failed']),
    orderId: Type.Optional(Uuid),
    code: Type.Optional(Type.String()),
    message: Type.Optional(Type.String()),
    productId: Type.Optional(ProductId),
    quantity: Type.Optional(Quantity),
    amountMinor: Type.Optional(AmountMinor),
    currency: Type.Optional(Currency),
    updatedAt: Timestamp,
  },
);

const QueueStatusAnswer = shape(
  'QueueStatus',
  '`purchases` and `deadLetters` count purchases. `queues` shows the figures of the queue itself: purchases or orders with ' +
    'the embedded backends, messages with a broker, each of which carries one or more. What another process has not ' +
    'acknowledged to a broker is known from that process, up to a second late.',
  {
    queues: list({ name: Type.String(), ...QUEUE }),
    purchases: PurchaseFigures,
    deadLetters: DeadLetterFigures,
  },
);

export const TRACKING_ID = '01a2040e-e5b5-70cc-a15c-23e21a9336a6';

const QUEUED = {
  trackingId: TRACKING_ID,
  status: 'queued',
  message: 'Waiting to be decided',
  updatedAt: '2026-11-22T16:20:14.901Z',
};

const CONFIRMED = {
  trackingId: TRACKING_ID,
  status: 'confirmed',
  orderId: TRACKING_ID,
  message: 'Purchase successful',
  productId: 3,
  quantity: 2,
  amountMinor: 399998,
  currency: 'USD',
  updatedAt: '2026-11-22T16:20:14.905Z',
};

const REJECTED = {
  ...QUEUED,
  status: 'rejected',
  code: 'sold_out',
  message: 'Out of stock. Requested: 2, Available: 0',
  productId: 3,
  quantity: 2,
};

const route = routesOf('async', 'error');

/** What became of asynchronous purchases, and how many wait. */
export function createTrackingRoutes(service: Service): Route[] {
  const { tracking, queue, ledger, buyers } = service;

  async function read(req: TrackingRequest, server: Bun.Server<unknown>): Promise<Response> {
    const waitMs = readWaitMs(req);
    if (waitMs === null)
      return wrong(req, 'wait', `wait must be a whole number of seconds from 0 to ${WAIT_S_MAX}, like 10s`);
    if (waitMs > 0) server.timeout(req, WAIT_S_MAX + 10);
    const identified = buyers.identify(req, server, problem);
    const caller = identified instanceof Promise ? await identified : identified;
    if (caller instanceof Response) return caller;
    // UUIDs are the same in any case (RFC 9562, 4).
    const trackingId = req.params.trackingId.toLowerCase();
    const isMarked = buyers.ownsUndecided(caller, trackingId);
    const tracked = await tracking.read(trackingId, isMarked ? waitMs : 0);
    const isTheirs = tracked?.customer === undefined ? isMarked : buyers.owns(caller, tracked.customer);
    if (!tracked || !isTheirs) return problem(req, 'not_found', 'There is no purchase with this tracking id');
    const { status, code, message, productId, quantity, price, updatedAt } = tracked;
    return json(
      {
        trackingId,
        status,
        ...(status === 'confirmed' && { orderId: trackingId }),
        ...(code && { code }),
        message,
        ...(productId !== null && { productId, quantity }),
        ...price,
        updatedAt: isoTime(updatedAt),
      },
      200,
      NOT_STORED,
    );
  }

  async function queueStatus(): Promise<Response> {
    const [queues, counts] = await Promise.all([queue.status(), ledger.asyncCounts()]);
    const dead = queues.map(({ deadLetters }) => deadLetters);
    return json({
      queues: queues.map(({ deadLetters: _, unit: __, silentConsumers: ___, ...figures }) => figures),
      purchases: purchasesIn(queues, counts),
      deadLetters: {
        count: dead.reduce((sum, { count }) => sum + count, 0),
        oldestAgeMs: Math.max(0, ...dead.map(({ oldestAgeMs }) => oldestAgeMs)),
      },
    });
  }

  return [
    route('GET /api/v1/async/purchase/:trackingId', {
      id: 'track',
      summary: 'Track queued purchase',
      description: 'What became of an accepted purchase. On success the tracking id is the order id.',
      params: {
        trackingId: {
          schema: { type: 'string', format: 'uuid', examples: [ORDER_ID] },
          description: 'As the 202 gave it',
        },
      },
      query: {
        wait: {
          schema: { type: 'string', pattern: WAIT_PATTERN },
          description: 'Seconds to wait for the outcome, 0 to 30, like `10s`',
        },
      },
      answers: {
        200: jsonAnswer('The purchase as it stands', TrackingAnswer, {
          queued: QUEUED,
          confirmed: CONFIRMED,
          rejected: REJECTED,
        }),
        400: problemAnswer('`invalid_request`: wait is not understood'),
        401: problemAnswer(NOT_KNOWN),
        404: problemAnswer(
          '`not_found`: this id was never issued, or to another buyer where buyers are known',
        ),
      },
      handle: read,
    }),
    route('GET /api/v1/async/queue/status', {
      id: 'queueStatus',
      summary: 'Get queue status',
      description: 'How many purchases and payments wait, and how many purchases were accepted and decided.',
      answers: { 200: jsonAnswer('The figures', QueueStatusAnswer) },
      handle: queueStatus,
    }),
    serviceHealthRoute(
      'async',
      'its database or its queue',
      () => Promise.all([ledger.ping(), queue.ping()]),
      service,
    ),
  ];
}

/** Milliseconds of `?wait=10s` (or `wait=10`), 0 without it, null when it is something else. */
function readWaitMs(req: Request): number | null {
  const wait = /[?&]wait=([^&#]*)/.exec(req.url)?.[1];
  if (wait === undefined) return 0;
  const seconds = WAIT.exec(wait)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}
