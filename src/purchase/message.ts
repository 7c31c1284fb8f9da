import type { Purchase, PurchaseKey, RefusalCode } from '../domain/purchase.ts';
import type { Message } from '../queue/queue.ts';

/** Bytes of the `purchases` queue: one message carries a small batch, each purchase as a tuple. */
type Tuple = [
  id: string,
  productId: number,
  quantity: number,
  customer: string | null,
  acceptedAt: number,
  key: PurchaseKey | null,
  refusal: RefusalCode | null,
];

/** A purchase on its way to a worker, which says how long it may have waited. */
export type QueuedPurchase = Omit<Purchase, 'decideBy'>;

export function encodePurchases(purchases: readonly QueuedPurchase[]): Message {
  const tuples = purchases.map(
    (p): Tuple => [p.id, p.productId, p.quantity, p.customer, p.acceptedAt, p.key, p.refusal],
  );
  return { body: JSON.stringify(tuples), items: purchases.length };
}

/** Begins the cause of a letter whose body could not be read. */
export const UNREADABLE = 'unreadable message';

/** Throws on a body that `encodePurchases` did not make. */
export function decodePurchases(body: string): QueuedPurchase[] {
  const tuples: unknown = JSON.parse(body);
  if (!Array.isArray(tuples) || tuples.length === 0) throw new Error('not a list of purchases');
  return tuples.map((tuple: Tuple) => {
    const [id, productId, quantity, customer, acceptedAt, key, refusal] = tuple;
    if (typeof id !== 'string' || !Number.isSafeInteger(productId) || !Number.isSafeInteger(quantity)) {
      throw new Error('not a purchase');
    }
    return { id, productId, quantity, customer, channel: 'async', acceptedAt, key, refusal };
  });
}
