import Type from 'typebox';
import {
  AmountMinor,
  Count,
  Currency,
  nullable,
  ProductId,
  Quantity,
  shape,
  Timestamp,
  Uuid,
} from '../schemas.ts';
import { ORDER_ID } from './order-answer.ts';

/** The outcome of a synchronous purchase. */
export const PurchaseAnswer = shape(
  'PurchaseAnswer',
  '`amountMinor` and `currency` are there when it was bought.',
  {
    success: Type.Boolean(),
    message: Type.String(),
    orderId: nullable(Uuid),
    productId: ProductId,
    quantity: Quantity,
    remainingStock: Count,
    timestamp: Timestamp,
    amountMinor: Type.Optional(AmountMinor),
    currency: Type.Optional(Currency),
    code: Type.Optional(Type.String()),
    requestId: Type.Optional(Type.String({ description: 'Of a 503' })),
  },
);

/** Answers of a real server, word for word. A test holds them against their schemas. */
export const BOUGHT = {
  success: true,
  message: 'Purchase successful',
  orderId: ORDER_ID,
  productId: 3,
  quantity: 1,
  remainingStock: 99,
  timestamp: '2026-11-22T16:20:14.796Z',
  amountMinor: 199999,
  currency: 'USD',
};

export const SOLD_OUT = {
  success: false,
  message: 'Out of stock. Requested: 1, Available: 0',
  orderId: null,
  productId: 3,
  quantity: 1,
  remainingStock: 0,
  timestamp: '2026-11-22T16:20:14.876Z',
  code: 'sold_out',
};

export const IN_FLIGHT = {
  message: 'A request with this Idempotency-Key is still being carried out',
  code: 'in_flight',
  requestId: 'd70cb78e-7a72-42d6-a152-c0b7e068ad99',
};

export const OVERLOADED = {
  ...SOLD_OUT,
  message: 'Too much at once. Nothing was done.',
  remainingStock: 99,
  timestamp: BOUGHT.timestamp,
  code: 'overloaded',
};

export const OUTCOME_UNKNOWN = {
  ...OVERLOADED,
  message: 'It is not known yet whether this was done.',
  orderId: ORDER_ID,
  code: 'outcome_unknown',
};
