import { UNITS_MAX } from '../../domain/product.ts';
import { REASON_PATTERN } from '../schemas/operators.ts';
import { ErrorAnswer, ProductId, PurchaseAnswer, PurchaseBody, StockAnswer } from '../schemas.ts';
import { BOUGHT, IN_FLIGHT, OUTCOME_UNKNOWN, OVERLOADED, PURCHASE_EXAMPLE, SOLD_OUT } from './examples.ts';
import {
  anyJsonAnswer,
  errorAnswer,
  FOR_OPERATORS,
  HEADER_TEXT,
  inPath,
  inQuery,
  jsonAnswer,
  KEY_MISMATCH,
  KEY_PATTERN,
  NOT_AN_OPERATOR,
  OPERATION_KEY,
  OPERATOR_NAME,
  type Paths,
  ref,
  textAnswer,
} from './parts.ts';

const tags = ['sync'];
const PRODUCT = inPath('productId', ProductId, 'Product id');
const NO_SUCH_PRODUCT = errorAnswer('`unknown_product`');

/** These calls have no body to give a reason in. */
const REASON = {
  name: 'X-Reason',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: REASON_PATTERN, minLength: 1, maxLength: 500 },
  description: `Why, for the log of operations. ${HEADER_TEXT}`,
} as const;

/** What both ways to buy take. */
export const PURCHASE_INPUT = {
  parameters: [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      schema: { type: 'string', pattern: KEY_PATTERN, minLength: 1, maxLength: 255 },
      description:
        'Bare or quoted, per customer and route. After a 200 or 202 the same key and body get that answer again, never a second ' +
        'order; after a refusal (409) it is a new purchase. Without a userId it needs at least 16 characters.',
    },
  ],
  requestBody: {
    required: true,
    content: { 'application/json': { schema: ref(PurchaseBody), example: PURCHASE_EXAMPLE } },
  },
} as const;

/** Answers to input that neither way to buy takes. */
export const BAD_PURCHASE_INPUT = {
  '400': errorAnswer('`invalid_request`; `field` names what is wrong'),
  '404': NO_SUCH_PRODUCT,
  '413': errorAnswer('`payload_too_large`: the body is larger than 16 KiB'),
  '415': errorAnswer('`unsupported_media_type`: the body is not declared as JSON'),
  '422': errorAnswer('`idempotency_mismatch`: the key was used for another purchase'),
} as const;

export const SYNC_PATHS: Paths = {
  '/api/v1/sync/purchase': {
    post: {
      operationId: 'buy',
      tags,
      summary: 'Buy and hear the outcome',
      ...PURCHASE_INPUT,
      responses: {
        '200': jsonAnswer('The order is committed to disk', PurchaseAnswer, { examples: { bought: BOUGHT } }),
        ...BAD_PURCHASE_INPUT,
        '409': anyJsonAnswer(
          'Refused: `sold_out`, `limit_reached`, `sale_not_open`, `sale_closed`, `sale_paused`, `price_changed` or ' +
            '`customer_required`. ' +
            'Or `in_flight`: the first request with this key is still under way.',
          [PurchaseAnswer, ErrorAnswer],
          { headers: ['Retry-After'], examples: { sold_out: SOLD_OUT, in_flight: IN_FLIGHT } },
        ),
        '503': jsonAnswer(
          '`overloaded` or `unavailable`: nothing was done. `outcome_unknown`: perhaps bought; orderId tells it later.',
          PurchaseAnswer,
          {
            headers: ['Retry-After'],
            examples: { overloaded: OVERLOADED, outcome_unknown: OUTCOME_UNKNOWN },
          },
        ),
      },
    },
  },
  '/api/v1/sync/stock/{productId}': {
    get: {
      operationId: 'readStock',
      tags,
      summary: 'Units free to buy now',
      description: 'Up to 250 ms old.',
      parameters: [
        PRODUCT,
        { name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } },
      ],
      responses: {
        '200': jsonAnswer('The units', StockAnswer, {
          headers: ['ETag'],
          examples: { stock: { productId: 3, stock: 99 } },
        }),
        '304': { description: 'Nothing changed since the version in If-None-Match' },
        '404': NO_SUCH_PRODUCT,
      },
    },
  },
  '/api/v1/sync/stock/init/{productId}': {
    post: {
      operationId: 'initStock',
      tags,
      summary: 'Make the gate follow the ledger again',
      description: 'Safe while a sale runs.',
      security: FOR_OPERATORS,
      parameters: [PRODUCT, OPERATOR_NAME, REASON],
      responses: {
        '200': textAnswer('Done', 'Stock initialized for product: 3'),
        '400': errorAnswer('`invalid_request`: X-Operator or X-Reason'),
        '401': NOT_AN_OPERATOR,
        '404': NO_SUCH_PRODUCT,
      },
    },
  },
  '/api/v1/sync/stock/{productId}/reset': {
    put: {
      operationId: 'resetStock',
      tags,
      summary: 'Start a fresh round of exactly this many free units',
      description:
        'Orders of earlier rounds stay as they are. Units that they give back leave the product. Safe while a sale runs.',
      security: FOR_OPERATORS,
      parameters: [
        PRODUCT,
        OPERATOR_NAME,
        REASON,
        OPERATION_KEY,
        inQuery('stock', { type: 'integer', minimum: 0, maximum: UNITS_MAX }, 'Units of the round', true),
      ],
      responses: {
        '200': textAnswer('Done', 'Stock reset to 5 for product: 3'),
        '400': errorAnswer(
          '`invalid_request`: stock is missing or out of range; X-Operator, X-Reason or Idempotency-Key',
        ),
        '401': NOT_AN_OPERATOR,
        '404': NO_SUCH_PRODUCT,
        '422': errorAnswer(KEY_MISMATCH),
      },
    },
  },
  '/api/v1/sync/health': {
    get: {
      operationId: 'syncHealth',
      tags,
      summary: 'Whether the sync way can serve',
      responses: {
        '200': textAnswer('It can', 'Sync Purchase Service is running'),
        '503': errorAnswer('`unavailable`', ['Retry-After']),
      },
    },
  },
};
