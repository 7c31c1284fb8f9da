import type { PurchaseIds } from '../domain/ids.ts';
import { readList, UNREADABLE } from '../domain/message-body.ts';
import { type Purchase, type PurchaseKey, QUANTITY_MAX, type RefusalCode } from '../domain/purchase.ts';
import { readTraceparent, type TraceContext, writeTraceparent } from '../domain/trace-context.ts';
import type { Message } from './queue.ts';

/** Bytes of the `purchases` queue: one message carries a small batch, each purchase as a tuple. */
type Tuple = [
  id: string,
  productId: number,
  quantity: number,
  customer: string | null,
  acceptedAt: number,
  key: PurchaseKey | null,
  refusal: RefusalCode | null,
  expectedPriceMinor: number | null,
  /** Only of a sampled purchase (W3C Trace Context). */
  ...trace: readonly [traceparent?: string, tracestate?: string],
];

/** A queued purchase, with the latest time of its decision. */
export type QueuedPurchase = Omit<Purchase, 'decideBy'>;

export function encodePurchases(purchases: readonly QueuedPurchase[]): Message {
  const tuples = purchases.map((p): Tuple => {
    const { id, productId, quantity, customer, acceptedAt, key, refusal, expectedPriceMinor, trace } = p;
    return trace === undefined
      ? [id, productId, quantity, customer, acceptedAt, key, refusal, expectedPriceMinor]
      : [
          id,
          productId,
          quantity,
          customer,
          acceptedAt,
          key,
          refusal,
          expectedPriceMinor,
          writeTraceparent(trace),
          trace.state,
        ];
  });
  return { body: JSON.stringify(tuples), items: purchases.length };
}

/** A parsed message. Whatever its bytes, each purchase in it is either valid or in a message to dead-letter. */
export interface ReadPurchases {
  readonly purchases: readonly QueuedPurchase[];
  /** One for each cause. */
  readonly unread: readonly Unread[];
}

/** A message to dead-letter, and the accepted purchases in it. */
export interface Unread {
  readonly message: Message;
  /** Names the defect and quotes nothing. */
  readonly cause: string;
  /** The accepted purchases in it, with their readable fields, for the ledger to end them. */
  readonly accepted: readonly QueuedPurchase[];
}

/** Never throws. A valid purchase is one that every ledger can decide. */
export function readPurchases(message: Message, ids: Pick<PurchaseIds, 'read'>): ReadPurchases {
  const list = readList(message.body);
  if (typeof list === 'string') {
    return { purchases: [], unread: [{ message, cause: `${UNREADABLE}: ${list}`, accepted: [] }] };
  }
  const purchases: QueuedPurchase[] = [];
  const faulty = new Map<string, unknown[]>();
  for (const tuple of list) {
    const fault = faultOf(tuple, ids);
    if (fault === null) purchases.push(purchaseOf(tuple as Tuple));
    else if (faulty.has(fault)) faulty.get(fault)!.push(tuple);
    else faulty.set(fault, [tuple]);
  }
  const unread = Array.from(faulty, ([fault, tuples]) => ({
    message: { body: JSON.stringify(tuples), items: tuples.length },
    cause: `${UNREADABLE}: ${fault}`,
    accepted: tuples.flatMap((tuple) => acceptedOf(tuple, ids)),
  }));
  return { purchases, unread };
}

function purchaseOf(tuple: Tuple): QueuedPurchase {
  const [id, productId, quantity, customer, acceptedAt, key, refusal, expectedPriceMinor = null] = tuple;
  // One that cannot be read is no fault of the purchase.
  const trace = tuple.length > FIELDS ? readTrace(tuple) : null;
  const plainKey = key && { scope: key.scope, value: key.value, fingerprint: key.fingerprint };
  const purchase: QueuedPurchase = {
    id,
    productId,
    quantity,
    customer,
    expectedPriceMinor,
    channel: 'async',
    acceptedAt,
    key: plainKey,
    refusal,
  };
  return trace === null ? purchase : { ...purchase, trace };
}

/** Of a tuple without a trace. */
const FIELDS = 8;

function readTrace([, , , , , , , , traceparent, tracestate]: Tuple): TraceContext | null {
  const read = readTraceparent(traceparent, tracestate);
  return read?.sampled ? { traceId: read.traceId, spanId: read.spanId, state: read.state } : null;
}

/** The defect of a tuple, or null. Fields may be added at its end, so that versions can mix. */
function faultOf(tuple: unknown, ids: Pick<PurchaseIds, 'read'>): string | null {
  if (!Array.isArray(tuple)) return 'no purchase';
  const [id, productId, quantity, customer, acceptedAt, key, refusal, expectedPriceMinor = null] = tuple;
  if (!isAccepted(id, ids)) return 'a purchase without an id of ours';
  if (!isInteger(productId, 1, Number.MAX_SAFE_INTEGER)) return 'a purchase without product';
  if (!isInteger(quantity, 1, QUANTITY_MAX)) return 'a purchase without quantity';
  if (customer !== null && !isText(customer)) return 'a purchase with an impossible customer';
  if (!isInteger(acceptedAt, 0, TIME_MS_MAX)) return 'a purchase without time';
  if (key !== null && !isKey(key)) return 'a purchase with an impossible key';
  if (refusal !== null && !isRefusal(refusal)) return 'a purchase with an unknown refusal';
  if (expectedPriceMinor !== null && !isInteger(expectedPriceMinor, 0, Number.MAX_SAFE_INTEGER))
    return 'a purchase with an impossible price';
  return null;
}

/** Another id has no reader, and one that encodes "sold out" has its outcome. */
function isAccepted(id: unknown, ids: Pick<PurchaseIds, 'read'>): id is string {
  const parts = typeof id === 'string' ? ids.read(id) : null;
  return parts !== null && parts.channel === 'async' && parts.soldOut === null;
}

function acceptedOf(tuple: unknown, ids: Pick<PurchaseIds, 'read'>): QueuedPurchase[] {
  if (!Array.isArray(tuple) || !isAccepted(tuple[0], ids)) return [];
  const [id, productId, quantity] = tuple;
  return [
    purchaseOf([
      id,
      // No product can have a higher id, and hardly one has this: the ledger answers that it is unknown.
      isInteger(productId, 1, Number.MAX_SAFE_INTEGER) ? productId : Number.MAX_SAFE_INTEGER,
      isInteger(quantity, 1, QUANTITY_MAX) ? quantity : 1,
      null,
      ids.read(id)!.acceptedAt,
      null,
      null,
      null,
    ]),
  ];
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** PostgreSQL refuses NUL, and half of a surrogate pair cannot be written as UTF-8. */
function isText(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= TEXT_CHARS_MAX &&
    !value.includes('\0') &&
    value.isWellFormed()
  );
}

function isKey(value: unknown): value is PurchaseKey {
  if (typeof value !== 'object' || value === null) return false;
  const { scope, value: text, fingerprint } = value as Partial<Record<keyof PurchaseKey, unknown>>;
  return isText(scope) && isText(text) && isText(fingerprint);
}

function isRefusal(value: unknown): value is RefusalCode {
  return typeof value === 'string' && Object.hasOwn(REFUSALS, value);
}

/** Longer than any that a request may have, and two of them fit into a row of PostgreSQL's indexes (2,704 bytes). */
const TEXT_CHARS_MAX = 400;
/** The last moment that a Date can hold. */
const TIME_MS_MAX = 8.64e15;

const REFUSALS: Readonly<Record<RefusalCode, true>> = {
  sold_out: true,
  limit_reached: true,
  sale_not_open: true,
  sale_closed: true,
  sale_paused: true,
  price_changed: true,
  customer_required: true,
  unknown_product: true,
  too_old: true,
  discarded: true,
};
