import {
  IF_MATCH_PATTERN,
  ProductAnswer,
  ProductBody,
  ProductChangeBody,
  ProductsAnswer,
  ReasonBody,
  UnitsBody,
} from '../schemas/products.ts';
import { ProductId } from '../schemas.ts';
import {
  BAD_OPERATOR_INPUT,
  CANNOT_READ,
  FOR_OPERATORS,
  inPath,
  inQuery,
  jsonAnswer,
  KEY_MISMATCH,
  OPERATION_KEY,
  OPERATOR_NAME,
  type Operation,
  type Paths,
  problemAnswer,
  ref,
} from './parts.ts';
import {
  A_PRODUCT,
  NEW_PRODUCT,
  NEXT_WEEK,
  PAUSED,
  PRODUCTS,
  SOME_UNITS,
  WHY_DRAINED,
  WHY_PAUSED,
} from './product-examples.ts';

const tags = ['products'];
const PRODUCT = inPath('productId', ProductId, 'Product id');
const NO_SUCH_PRODUCT = problemAnswer('`unknown_product`');
const IF_MATCH = {
  name: 'If-Match',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: IF_MATCH_PATTERN },
  description:
    'The ETag that the operator has seen, or the version alone in quotes, or several of them. A weak one (`W/`, which a proxy that compresses makes of ours) never matches. While a sale runs, nearly every purchase raises the version.',
};
const IF_NONE_MATCH = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  schema: { type: 'string' },
};

const BAD_SCHEDULE =
  '`invalid_request`; `field` names what is wrong. `schedule_in_the_past`, `closes_before_opens`.';

interface ChangeParts {
  readonly answer?: object;
  /** False where it does not matter which version the operator has seen. */
  readonly seen?: boolean;
  readonly conflict?: string;
  readonly badInput?: string;
}

/** A call of operators that changes one product. */
function change(
  operationId: string,
  summary: string,
  description: string,
  body: Parameters<typeof ref>[0],
  example: unknown,
  { answer = A_PRODUCT, seen = true, conflict, badInput }: ChangeParts = {},
): Operation {
  return {
    operationId,
    tags,
    summary,
    description,
    security: FOR_OPERATORS,
    parameters: [PRODUCT, OPERATOR_NAME, ...(seen ? [OPERATION_KEY, IF_MATCH] : [])],
    requestBody: { required: true, content: { 'application/json': { schema: ref(body), example } } },
    responses: {
      '200': jsonAnswer('The product as it is now', ProductAnswer, {
        headers: ['ETag'],
        examples: { product: answer },
      }),
      ...BAD_OPERATOR_INPUT,
      ...(badInput && { '400': problemAnswer(badInput) }),
      '404': NO_SUCH_PRODUCT,
      ...(conflict && { '409': problemAnswer(conflict) }),
      ...(seen && { '422': problemAnswer(KEY_MISMATCH) }),
      ...(seen && { '412': problemAnswer('`version_mismatch`: it has changed since. Nothing was done') }),
    },
  };
}

export const PRODUCT_PATHS: Paths = {
  '/api/v1/products': {
    get: {
      operationId: 'listProducts',
      tags,
      summary: 'All products, by id',
      parameters: [
        inQuery('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Products of a page'),
        inQuery(
          'after',
          { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 },
          'Id of the last product of the page before',
        ),
      ],
      responses: {
        '200': jsonAnswer('A page of products', ProductsAnswer, { examples: { products: PRODUCTS } }),
        '400': problemAnswer('`invalid_request`; `field` names what is wrong'),
        '503': CANNOT_READ,
      },
    },
    post: {
      operationId: 'createProduct',
      tags,
      summary: 'Put a new product on sale',
      security: FOR_OPERATORS,
      parameters: [OPERATOR_NAME, OPERATION_KEY],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: ref(ProductBody), example: NEW_PRODUCT } },
      },
      responses: {
        '201': jsonAnswer('It is on sale', ProductAnswer, {
          headers: ['Location', 'ETag'],
          examples: { product: A_PRODUCT },
        }),
        ...BAD_OPERATOR_INPUT,
        '400': problemAnswer(BAD_SCHEDULE),
        '409': problemAnswer('`product_exists`'),
        '422': problemAnswer(KEY_MISMATCH),
      },
    },
  },
  '/api/v1/products/{productId}': {
    get: {
      operationId: 'readProduct',
      tags,
      summary: 'A product and its sale',
      description: 'Up to 250 ms old; `state` is judged now.',
      parameters: [PRODUCT, IF_NONE_MATCH],
      responses: {
        '200': jsonAnswer('The product', ProductAnswer, {
          headers: ['ETag'],
          examples: { product: A_PRODUCT },
        }),
        '304': { description: 'Neither version nor state have changed since the ETag in If-None-Match' },
        '404': NO_SUCH_PRODUCT,
        '503': CANNOT_READ,
      },
    },
    patch: {
      ...change(
        'changeProduct',
        'Change a product, its price or its schedule',
        'All of it or nothing. Orders keep the price and the hold they were made with. A limit that is set while the sale ' +
          'runs counts what customers hold already.',
        ProductChangeBody,
        NEXT_WEEK,
        { conflict: '`limit_below_held`: a customer holds more already', badInput: BAD_SCHEDULE },
      ),
    },
  },
  '/api/v1/products/{productId}/units': {
    post: change(
      'addUnits',
      'Add units to the round that runs, or take free ones away',
      'Added units are sold at once. For a fresh round see `reset`. With an `Idempotency-Key` they are added ' +
        'once, however often it is sent. Without one look at `GET /api/v1/ops/log` after `outcome_unknown`, or when no answer came, ' +
        'before sending it again.',
      UnitsBody,
      SOME_UNITS,
      {
        conflict:
          '`units_below_committed`: fewer are free. `units_too_many`: a product has 2147483647 at most',
      },
    ),
  },
  '/api/v1/products/{productId}/pause': {
    post: change(
      'pauseSale',
      'Pause a sale',
      'Purchases are refused as `sale_paused`, within 250 ms at the latest for queued ones that another process takes in. ' +
        'Orders are charged on.',
      ReasonBody,
      WHY_PAUSED,
      { answer: PAUSED },
    ),
  },
  '/api/v1/products/{productId}/resume': {
    post: change('resumeSale', 'Let a paused sale go on', 'Within its times.', ReasonBody, WHY_PAUSED),
  },
  '/api/v1/products/{productId}/drain': {
    post: change(
      'drainSale',
      'Close a sale now',
      "`closesAt` becomes this moment by the ledger's clock; a sale that has not opened yet will not. What is under way comes " +
        'to its end: read the product until `drained`. Another `closesAt` opens it again.',
      ReasonBody,
      WHY_DRAINED,
      { seen: false },
    ),
  },
};
