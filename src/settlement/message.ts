import type { Message } from '../queue/queue.ts';

/** A message is never larger than what one lease takes, so that a batch of messages need not be cut. */
export const ORDERS_PER_MESSAGE = 100;

/** Orders to look at, as a JSON array of their ids. */
export function chargeMessage(orderIds: readonly string[]): Message {
  return { body: JSON.stringify(orderIds), items: orderIds.length };
}

/** The ids in a message, or null when it is none of ours. */
export function orderIdsOf({ body }: Message): string[] | null {
  try {
    const ids: unknown = JSON.parse(body);
    return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : null;
  } catch {
    return null;
  }
}
