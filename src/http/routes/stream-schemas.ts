import Type from 'typebox';
import { count, list, nullable, ProductId, shape, Timestamp, Uuid } from '../schemas.ts';
import { OrderAnswer } from './order-answer.ts';

/** The events of `/api/v1/stock/stream`: the data of each is one of these, as one line of JSON. */

/** Products, and orders, that one stream shows at most: a page of a shop, and a buyer's basket. */
export const STREAM_PRODUCTS_MAX = 100;
export const STREAM_ORDERS_MAX = 10;

const NullableTime = nullable(Timestamp);

const product = {
  productId: ProductId,
  total: count('Units of this generation: available, reserved and sold'),
  available: count('Units free to buy'),
  reserved: count('Units of orders that are not paid yet; what is not paid for comes back'),
  version: count('Rises with every change of the product'),
  state: Type.Enum(['not_open', 'open', 'paused', 'closed'], {
    description: 'Of the sale, by the server’s clock',
  }),
  priceMinor: Type.Integer({ description: 'Of one unit, in minor units (cents)' }),
  currency: Type.String({ description: 'ISO 4217' }),
  opensAt: NullableTime,
  closesAt: NullableTime,
};

const order = {
  orderId: Uuid,
  status: Type.Enum([...OrderAnswer.properties.status.enum, 'rejected', 'failed'], {
    description:
      'As on /api/v1/orders. `pending`: not decided yet. `rejected` and `failed`: there will be no order; `code` says why.',
  }),
  code: Type.Optional(Type.String()),
  updatedAt: Timestamp,
  expiresAt: Type.Optional(Timestamp),
};

const serverTime = Type.String({
  format: 'date-time',
  description: 'When this was so, for clocks that count down',
});

export const StreamSnapshot = shape(
  'StreamSnapshot',
  'Everything that this stream watches, as it stands. It replaces what was told before.',
  { serverTime, products: list(product), orders: list(order) },
);

export const StreamProduct = shape('StreamProduct', '', { ...product, serverTime });

export const StreamOrder = shape('StreamOrder', '', order);

/** Every event by its name, in the words of the reference. */
export const STREAM_EVENTS = {
  snapshot: {
    schema: StreamSnapshot,
    when: 'first on every connection, and again in place of what a viewer did not read in time',
  },
  'stock.changed': {
    schema: StreamProduct,
    when: 'units, price, times or anything else of the product changed; some changes are told together',
  },
  'sale.opened': { schema: StreamProduct, when: 'the sale takes purchases from now on' },
  'sale.closed': {
    schema: StreamProduct,
    when: 'the sale takes no purchases from now on; `state` says whether it is paused, closed, or to open later',
  },
  'order.updated': { schema: StreamOrder, when: 'a watched order, or purchase, came to a new status' },
} as const;

export type StreamEventName = keyof typeof STREAM_EVENTS;

/** The beginning of a stream of a real server, word for word. A test holds its events against their schemas. */
export const STREAM_EXAMPLE = `retry: 1659

id: 3.1
event: snapshot
data: {"serverTime":"2026-11-22T21:46:00.742Z","products":[{"productId":3,"total":100,"available":100,"reserved":0,"version":1,"state":"open","priceMinor":199999,"currency":"USD","opensAt":null,"closesAt":null}],"orders":[]}

id: 3.2
event: stock.changed
data: {"productId":3,"total":100,"available":99,"reserved":1,"version":2,"state":"open","priceMinor":199999,"currency":"USD","opensAt":null,"closesAt":null,"serverTime":"2026-11-22T21:46:01.253Z"}

`;
