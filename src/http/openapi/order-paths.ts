import { CancelBody, RefundBody } from '../schemas/orders.ts';
import { OrderAnswer } from '../schemas.ts';
import { CANCELLED, PAID, REFUNDED, REFUNDING } from './examples.ts';
import {
  BAD_OPERATOR_INPUT,
  CANNOT_READ,
  FOR_OPERATORS,
  inPath,
  jsonAnswer,
  OPERATOR_NAME,
  type Paths,
  problemAnswer,
  ref,
} from './parts.ts';

const tags = ['orders'];
const ORDER = inPath(
  'orderId',
  { type: 'string', format: 'uuid', examples: [PAID.orderId] },
  'Order id, or the tracking id of a confirmed purchase',
);

export const ORDER_PATHS: Paths = {
  '/api/v1/orders/{orderId}': {
    get: {
      operationId: 'readOrder',
      tags,
      summary: 'An order, whichever way it was bought',
      parameters: [ORDER],
      responses: {
        '200': jsonAnswer('The order as it stands', OrderAnswer, { examples: { paid: PAID } }),
        '404': problemAnswer('`not_found`'),
        '503': CANNOT_READ,
      },
    },
  },
  '/api/v1/orders/{orderId}/cancel': {
    post: {
      operationId: 'cancelOrder',
      tags,
      summary: 'Cancel an order that is not paid',
      description:
        'Its units are free again when this answers. Who brings a token or gives a reason calls as an operator, and may ' +
        'cancel any order, and has to give a reason. A buyer who bought without a userId need not send a body. Cancelling an ' +
        'order again answers the same.',
      security: [{}, ...FOR_OPERATORS],
      parameters: [ORDER, OPERATOR_NAME],
      requestBody: {
        required: false,
        content: { 'application/json': { schema: ref(CancelBody), example: { userId: 'ada' } } },
      },
      responses: {
        '200': jsonAnswer('The order is cancelled', OrderAnswer, { examples: { cancelled: CANCELLED } }),
        ...BAD_OPERATOR_INPUT,
        '404': problemAnswer('`not_found`: there is no such order of this customer'),
        '409': problemAnswer(
          '`order_charging` or `order_pending`: what is under way will be over soon. `order_paid`: ask for a refund. ' +
            '`order_declined`, `order_expired`, `order_refunding` or `order_refunded`: there is nothing left to cancel.',
        ),
      },
    },
  },
  '/api/v1/orders/{orderId}/refund': {
    post: {
      operationId: 'refundOrder',
      tags,
      summary: 'Give the money of a paid order back',
      description:
        'The order is `refunding` until the payment company has carried it out, which may take long while the company is ' +
        'away, and then `refunded`; its units are free again then. Asking again refunds once.',
      security: FOR_OPERATORS,
      parameters: [ORDER, OPERATOR_NAME],
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: ref(RefundBody), example: { reason: 'It arrived broken' } },
        },
      },
      responses: {
        '200': jsonAnswer('The money is back', OrderAnswer, { examples: { refunded: REFUNDED } }),
        '202': jsonAnswer('The money is on its way back', OrderAnswer, {
          headers: ['Location'],
          examples: { refunding: REFUNDING },
        }),
        ...BAD_OPERATOR_INPUT,
        '404': problemAnswer('`not_found`'),
        '409': problemAnswer('`order_not_paid`: no money to give back. `order_pending`: not known yet'),
      },
    },
  },
};
