import { PURCHASE_ID_PATTERN } from '../../domain/ids.ts';
import { readList, UNREADABLE } from '../../domain/message-body.ts';
import type { Message } from '../../ports/queue.ts';

/**
 * About 20 KB. A broker's cost is per message: with 100 orders in each it took 5 µs of the broker's CPU per order, a tenth
 * of a purchase's whole cost.
 */
export const ORDERS_PER_MESSAGE = 500;

/** Orders to charge, as a JSON array of their ids. */
export function chargeMessage(orderIds: readonly string[]): Message {
  return { body: JSON.stringify(orderIds), items: orderIds.length };
}

/** Parses a message of the `payments` queue. Never throws, whatever the bytes. */
export interface ReadOrderIds {
  readonly orderIds: readonly string[];
  /** The elements that are no order ids, for a dead letter with its cause. */
  readonly unread: { readonly message: Message; readonly cause: string } | null;
}

export function readOrderIds(message: Message): ReadOrderIds {
  const list = readList(message.body);
  if (typeof list === 'string') {
    return { orderIds: [], unread: { message, cause: `${UNREADABLE}: ${list}` } };
  }
  const orderIds = list.filter(isOrderId);
  if (orderIds.length === list.length) return { orderIds, unread: null };
  const others = list.filter((each) => !isOrderId(each));
  const rest = { body: JSON.stringify(others), items: others.length };
  return { orderIds, unread: { message: rest, cause: `${UNREADABLE}: no order id` } };
}

/** An order has its purchase's id. The ledger decides whether the order exists. */
function isOrderId(value: unknown): value is string {
  return typeof value === 'string' && ORDER_ID.test(value);
}

const ORDER_ID = new RegExp(PURCHASE_ID_PATTERN);
