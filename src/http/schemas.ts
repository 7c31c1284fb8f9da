import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { QUANTITY_MAX } from '../domain/purchase.ts';
import { UNTEXT } from './schemas/text.ts';

/**
 * The shapes of the API. What validates is what the OpenAPI document shows: each schema is JSON Schema, compiled once.
 */

export const ProductId = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Product id',
  examples: [3],
});

export const Quantity = Type.Integer({ minimum: 1, maximum: QUANTITY_MAX, description: 'Units wanted' });

/** Something is left of it when it is trimmed. */
const CUSTOMER_PATTERN = `^(?=\\s*\\S)[^${UNTEXT}]{1,64}$`;

export const UserId = Type.Union(
  [
    Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    Type.String({ pattern: CUSTOMER_PATTERN, minLength: 1, maxLength: 64 }),
    Type.Null(),
  ],
  {
    description:
      'The customer. Customers are compared as Unicode NFC, without spaces around them: 12345, "12345" and " 12345" are the ' +
      'same one; upper and lower case differ. Absent or null: anonymous. No limit applies then, and a sale with ' +
      '`customerRequired` refuses.',
  },
);

const ExpectedPrice = Type.Union(
  [Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()],
  {
    description:
      'The price of one unit in minor units that the buyer has seen. At any other the purchase is refused as ' +
      '`price_changed`: on both ways the price is compared when the units are given, so no order has another. Absent or ' +
      'null: any price. It belongs to the body that an Idempotency-Key is for.',
  },
);

export const PurchaseBody = Type.Object(
  {
    productId: ProductId,
    quantity: Quantity,
    userId: Type.Optional(UserId),
    expectedPriceMinor: Type.Optional(ExpectedPrice),
  },
  { $id: 'PurchaseRequest', description: 'Other fields are ignored.' },
);

export type PurchaseBody = Type.Static<typeof PurchaseBody>;

export const checkPurchaseBody = Compile(PurchaseBody);

const Timestamp = Type.String({ format: 'date-time' });
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const AmountMinor = Type.Integer({ description: 'Whole amount in minor units (cents)' });
const Currency = Type.String({ description: 'ISO 4217' });

export const PurchaseAnswer = Type.Object(
  {
    success: Type.Boolean(),
    message: Type.String(),
    orderId: Nullable(Type.String({ format: 'uuid' })),
    productId: ProductId,
    quantity: Quantity,
    remainingStock: Type.Integer({ minimum: 0 }),
    timestamp: Timestamp,
    amountMinor: Type.Optional(AmountMinor),
    currency: Type.Optional(Currency),
    code: Type.Optional(Type.String()),
    requestId: Type.Optional(Type.String({ description: 'Of a 503' })),
  },
  { $id: 'PurchaseAnswer', description: '`amountMinor` and `currency` are there when it was bought.' },
);

export const AcceptanceAnswer = Type.Object(
  {
    accepted: Type.Boolean(),
    message: Type.String(),
    trackingId: Nullable(Type.String({ format: 'uuid' })),
    productId: ProductId,
    quantity: Quantity,
    timestamp: Timestamp,
    code: Type.Optional(Type.String()),
    requestId: Type.Optional(Type.String({ description: 'Of a 503' })),
  },
  { $id: 'AcceptanceAnswer' },
);

export const StockAnswer = Type.Object(
  { productId: ProductId, stock: Type.Integer({ minimum: 0, description: 'Units free to buy now' }) },
  { $id: 'StockAnswer' },
);

/** Longest `?wait=`: below the time that balancers give an answer. */
export const WAIT_S_MAX = 30;
export const WAIT_PATTERN = '^(0?[0-9]|[12][0-9]|30)s?$';

export const TrackingAnswer = Type.Object(
  {
    trackingId: Type.String({ format: 'uuid' }),
    status: Type.Enum(['queued', 'confirmed', 'rejected', 'failed']),
    orderId: Type.Optional(Type.String({ format: 'uuid' })),
    code: Type.Optional(Type.String()),
    message: Type.Optional(Type.String()),
    productId: Type.Optional(ProductId),
    quantity: Type.Optional(Quantity),
    amountMinor: Type.Optional(AmountMinor),
    currency: Type.Optional(Currency),
    updatedAt: Timestamp,
  },
  {
    $id: 'TrackingAnswer',
    description:
      'productId and quantity are absent while the purchase is queued: only the queue knows them then. ' +
      '`amountMinor` and `currency` are there when it is confirmed.',
  },
);

export const QueueStatusAnswer = Type.Object(
  {
    queues: Type.Array(
      Type.Object({
        name: Type.String(),
        ready: Type.Integer({ minimum: 0 }),
        unacknowledged: Type.Integer({ minimum: 0 }),
        consumers: Type.Integer({ minimum: 0 }),
        oldestAgeMs: Type.Integer({ minimum: 0 }),
      }),
    ),
    purchases: Type.Object({
      accepted: Type.Integer({ minimum: 0 }),
      decided: Type.Integer({ minimum: 0 }),
      waiting: Type.Integer({ minimum: 0 }),
    }),
    deadLetters: Type.Object({
      count: Type.Integer({ minimum: 0 }),
      oldestAgeMs: Type.Integer({ minimum: 0 }),
    }),
  },
  {
    $id: 'QueueStatus',
    description:
      '`purchases` and `deadLetters` count purchases. `queues` shows the figures of the queue itself: purchases or orders with ' +
      'the embedded engines, messages with a broker, each of which carries one or more.',
  },
);

export const OrderAnswer = Type.Object(
  {
    orderId: Type.String({ format: 'uuid' }),
    status: Type.Enum([
      'pending',
      'reserved',
      'charging',
      'paid',
      'declined',
      'expired',
      'cancelled',
      'refunding',
      'refunded',
    ]),
    productId: Type.Optional(ProductId),
    quantity: Type.Optional(Quantity),
    number: Type.Optional(Type.Integer({ description: 'Rises with every order of the product' })),
    channel: Type.Optional(Type.Enum(['sync', 'async'])),
    amountMinor: Type.Optional(AmountMinor),
    currency: Type.Optional(Currency),
    createdAt: Type.Optional(Timestamp),
    expiresAt: Type.Optional(Timestamp),
    updatedAt: Type.Optional(Timestamp),
    payments: Type.Optional(
      Type.Array(
        Type.Object({
          attempt: Type.Integer(),
          status: Type.Enum([
            'pending',
            'captured',
            'declined',
            'failed',
            'cancelled',
            'refunding',
            'refunded',
          ]),
          amountMinor: Type.Integer(),
          currency: Type.String(),
          reason: Nullable(Type.String()),
          createdAt: Timestamp,
          updatedAt: Timestamp,
        }),
      ),
    ),
  },
  {
    $id: 'Order',
    description:
      'An order whose commit is not known yet reads `pending` and has its id only; so does a queued purchase.',
  },
);

export const ErrorAnswer = Type.Object(
  {
    message: Type.String(),
    code: Type.String(),
    field: Type.Optional(Type.String({ description: 'The input that is wrong' })),
    requestId: Type.String(),
  },
  { $id: 'Error' },
);

export const ProblemAnswer = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    code: Type.String(),
    message: Type.String(),
    field: Type.Optional(Type.String({ description: 'The input that is wrong' })),
    requestId: Type.String(),
  },
  { $id: 'Problem', description: 'RFC 9457' },
);
