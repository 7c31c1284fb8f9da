import Type from 'typebox';
import { amountMinor, SHOWN_STATUSES, shownStatus } from '../../domain/order.ts';
import type { OrderView } from '../../ports/queries.ts';
import { isoTime } from '../respond.ts';
import type { Parameter } from '../route.ts';
import {
  AmountMinor,
  Currency,
  list,
  nullable,
  ProductId,
  Quantity,
  shape,
  Timestamp,
  Uuid,
} from '../schemas.ts';

/** An order as clients read it, with the answers of a real server, word for word. A test holds those against the schema. */

export const OrderAnswer = shape(
  'Order',
  'An order whose commit is not known yet reads `pending` and has its id only; so does a queued purchase.',
  {
    orderId: Uuid,
    status: Type.Enum(['pending', ...SHOWN_STATUSES]),
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
      list({
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
        reason: nullable(Type.String()),
        dispute: Type.Optional(
          Type.Enum(['open', 'won', 'lost'], {
            description:
              'The customer has disputed it at the bank, and how that ended. The money of one that is open or lost is gone',
          }),
        ),
        refundFailed: Type.Optional(
          Type.Boolean({
            description: 'A refund was carried out and failed later: the customer has no money back',
          }),
        ),
        createdAt: Timestamp,
        updatedAt: Timestamp,
      }),
    ),
  },
);

export const ORDER_ID = '01a2040e-e549-70c2-8a78-490084e26084';

export const ORDER: Parameter = {
  schema: { type: 'string', format: 'uuid', examples: [ORDER_ID] },
  description: 'Order id, or the tracking id of a confirmed purchase',
};

/** UUIDs are the same in any case (RFC 9562, 4); ours are written in lower case. */
export function orderIdIn(req: { readonly params: { readonly orderId: string } }): string {
  return req.params.orderId.toLowerCase();
}

export const PAID = {
  orderId: ORDER_ID,
  status: 'paid',
  productId: 3,
  quantity: 1,
  number: 1,
  channel: 'sync',
  amountMinor: 199999,
  currency: 'USD',
  createdAt: '2026-11-22T16:20:14.796Z',
  expiresAt: '2026-11-22T16:30:14.796Z',
  updatedAt: '2026-11-22T16:20:14.857Z',
  payments: [
    {
      attempt: 1,
      status: 'captured',
      amountMinor: 199999,
      currency: 'USD',
      reason: null,
      createdAt: '2026-11-22T16:20:14.821Z',
      updatedAt: '2026-11-22T16:20:14.857Z',
    },
  ],
};

export const CANCELLED = {
  ...PAID,
  status: 'cancelled',
  updatedAt: '2026-11-22T16:20:15.102Z',
  payments: [],
};

const [CAPTURE] = PAID.payments;

export const REFUNDING = {
  ...PAID,
  status: 'refunding',
  updatedAt: '2026-11-22T16:24:40.310Z',
  payments: [{ ...CAPTURE, status: 'refunding', updatedAt: '2026-11-22T16:24:40.310Z' }],
};

export const REFUNDED = {
  ...PAID,
  status: 'refunded',
  updatedAt: '2026-11-22T16:24:40.342Z',
  payments: [{ ...CAPTURE, status: 'refunded', updatedAt: '2026-11-22T16:24:40.342Z' }],
};

/** The customer is not shown: who has the id need not learn whose it is. */
export function shownOrder({ order, payments }: OrderView) {
  const { id, productId, quantity, number, channel, currency } = order;
  return {
    orderId: id,
    status: shownStatus(order.status),
    productId,
    quantity,
    number,
    channel,
    amountMinor: amountMinor(order),
    currency,
    createdAt: isoTime(order.createdAt),
    expiresAt: isoTime(order.expiresAt),
    updatedAt: isoTime(order.updatedAt),
    payments: payments.map(({ attempt, status, amountMinor, currency, reason, ...more }) => {
      const times = { createdAt: isoTime(more.createdAt), updatedAt: isoTime(more.updatedAt) };
      const { dispute, refundFailed } = more;
      const troubles = { ...(dispute && { dispute }), ...(refundFailed && { refundFailed }) };
      return { attempt, status, amountMinor, currency, reason, ...troubles, ...times };
    }),
  };
}
