import { PURCHASE_ID_PATTERN } from '../../domain/ids.ts';
import { readList, UNREADABLE } from '../../domain/message-body.ts';
import { readTraceparent, type TraceContext, writeTraceparent } from '../../domain/trace-context.ts';
import type { Message } from '../../ports/queue.ts';

/**
 * About 20 KB. A broker's cost is per message: with 100 orders in each it took 5 µs of the broker's CPU per order, a tenth
 * of a purchase's whole cost.
 */
export const ORDERS_PER_MESSAGE = 500;

/**
 * Orders to charge, as a JSON array of their ids. The traces of sampled ones follow in an object, by order: the order's row does not
 * grow for them, and a broker's headers are for the whole message.
 */
export function chargeMessage(
  orderIds: readonly string[],
  traces: ReadonlyMap<string, TraceContext> = NO_TRACES,
): Message {
  const list =
    traces.size === 0 ? orderIds : [...orderIds, { traces: Object.fromEntries(Array.from(traces, written)) }];
  return { body: JSON.stringify(list), items: orderIds.length };
}

function written([orderId, context]: [string, TraceContext]): [string, readonly string[]] {
  return [orderId, [writeTraceparent(context), context.state]];
}

const NO_TRACES: ReadonlyMap<string, TraceContext> = new Map();

/** Parses a message of the `payments` queue. Never throws, whatever the bytes. */
export interface ReadOrderIds {
  readonly orderIds: readonly string[];
  /** Those of sampled orders. */
  readonly traces: ReadonlyMap<string, TraceContext>;
  /** The elements that are no order ids, for a dead letter with its cause. */
  readonly unread: { readonly message: Message; readonly cause: string } | null;
}

export function readOrderIds(message: Message): ReadOrderIds {
  const list = readList(message.body);
  if (typeof list === 'string') {
    return { orderIds: [], traces: NO_TRACES, unread: { message, cause: `${UNREADABLE}: ${list}` } };
  }
  const orderIds = list.filter(isOrderId);
  if (orderIds.length === list.length) return { orderIds, traces: NO_TRACES, unread: null };
  const traces = readTraces(list.at(-1));
  const others = list.filter((each, i) => !isOrderId(each) && !(traces && i === list.length - 1));
  const rest = { body: JSON.stringify(others), items: others.length };
  return {
    orderIds,
    traces: traces ?? NO_TRACES,
    unread: others.length === 0 ? null : { message: rest, cause: `${UNREADABLE}: no order id` },
  };
}

/** Null for something else. A trace that cannot be read is left out. */
function readTraces(element: unknown): Map<string, TraceContext> | null {
  const { traces } = (element ?? {}) as { traces?: unknown };
  if (typeof traces !== 'object' || traces === null) return null;
  const read = new Map<string, TraceContext>();
  for (const [orderId, pair] of Object.entries(traces)) {
    const trace = Array.isArray(pair) ? readTraceparent(pair[0], pair[1]) : null;
    if (trace?.sampled)
      read.set(orderId, { traceId: trace.traceId, spanId: trace.spanId, state: trace.state });
  }
  return read;
}

/** An order has its purchase's id. The ledger decides whether the order exists. */
function isOrderId(value: unknown): value is string {
  return typeof value === 'string' && ORDER_ID.test(value);
}

const ORDER_ID = new RegExp(PURCHASE_ID_PATTERN);
