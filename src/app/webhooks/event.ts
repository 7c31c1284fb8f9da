import { amountMinor, type Order, type OrderStatus, shownStatus } from '../../domain/order.ts';
import type { DueWebhook } from '../../ports/webhooks.ts';

/** What a shop hears, by the status that its order came to. `charging` is no event: it lasts for one call. */
const TYPES: Readonly<Record<Exclude<OrderStatus, 'charging'>, string>> = {
  reserved: 'order.reserved',
  paid: 'order.paid',
  declined: 'order.declined',
  expired: 'order.expired',
  cancelled: 'order.cancelled',
  refunding: 'order.refunding',
  returning: 'order.refunding',
  refunded: 'order.refunded',
};

export function typeOf(status: OrderStatus): string {
  return TYPES[status as Exclude<OrderStatus, 'charging'>];
}

/** The same at each try. The order is in it, so that it stays the only one of its name after a reset of the data. */
export function eventId({ seq, order }: Pick<DueWebhook, 'seq' | 'order'>): string {
  return `msg_${order.id}_${seq}`;
}

/** The body: the same at each try, too. */
export function eventBody({ seq, order }: Pick<DueWebhook, 'seq' | 'order'>): string {
  return JSON.stringify({
    type: typeOf(order.status),
    timestamp: isoTime(order.updatedAt),
    sequence: seq,
    data: shownOrder(order),
  });
}

/**
 * The order as the API shows it, with its customer, and without its payments: those are of the moment in which they are read,
 * and an event is of the moment in which it happened.
 */
function shownOrder(order: Order) {
  const { id, productId, quantity, number, channel, customer, currency } = order;
  return {
    orderId: id,
    status: shownStatus(order.status),
    productId,
    quantity,
    number,
    channel,
    customer,
    amountMinor: amountMinor(order),
    currency,
    createdAt: isoTime(order.createdAt),
    expiresAt: isoTime(order.expiresAt),
    updatedAt: isoTime(order.updatedAt),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
