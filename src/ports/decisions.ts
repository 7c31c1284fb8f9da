import type { Outcome, Purchase, PurchaseKey } from '../domain/purchase.ts';
import type { Changes } from './changes.ts';

/** Decisions on purchases, and the records of pending ones. A part of the Ledger, with its promises. */
export interface Decisions {
  /**
   * Decides purchases in the order given; `outcomes[i]` answers `purchases[i]`.
   *
   * - An id or a key that was decided before gets its first outcome again.
   * - A purchase that does not fit is refused and the rest is decided; one bad purchase never fails its neighbours.
   * - A reserved purchase becomes an order, and its key is bound, in the same commit. Async refusals are recorded as the
   *   purchase's final outcome; sync refusals leave no trace unless the purchase is asked for `again`.
   * - `again`: an earlier call with these ids may still be running, because its connection was cut. Then a refusal is
   *   recorded under the id, so that the earlier call, however late, finds it and sells nothing.
   * - Past its `decideBy` a purchase is refused as `too_old`. One whose key was refused after it came is superseded.
   * - The window of a sale is judged now, by the ledger's clock, for sync purchases. Async ones were judged when they
   *   were accepted, with the result in `refusal`.
   */
  decide(purchases: readonly Purchase[], again?: boolean): Promise<Decision>;

  /**
   * Ends a purchase that the ledger does not know once its `decideBy` is over: records `too_old` under its id. Does nothing
   * before that, or where an order or an outcome exists. Rejects with `unavailable` while a decision of it is being committed.
   */
  conclude(purchase: Pick<Purchase, 'id' | 'channel' | 'decideBy'>): Promise<void>;

  /**
   * Binds keys to purchase ids before the purchases are published (async path). A key that is bound already keeps its
   * first binding, which is returned.
   */
  bindKeys(bindings: readonly KeyBinding[]): Promise<KeyBinding[]>;

  /** Counts one more attempt to decide each purchase, before the attempt is made; returns the totals so far. */
  countAttempts(purchaseIds: readonly string[]): Promise<number[]>;

  /** Notes that purchases were dead-lettered (they read `needs_attention`), or that a replay cleared that. */
  markNeedsAttention(purchaseIds: readonly string[], needsAttention: boolean): Promise<void>;

  /**
   * Adds to the count of accepted async purchases. Each process reports several times a second, not per purchase, and the
   * call is not idempotent, so the count is an estimate: a crash loses its last moments, and the reconciler corrects it.
   */
  countAccepted(count: AcceptedCount): Promise<void>;

  /** All async purchases accepted and decided so far. Decided is exact but for those from `countAccepted`. */
  asyncCounts(): Promise<AsyncCounts>;
}

export interface Decision {
  readonly outcomes: Outcome[];
  /** The products that the batch named and the ledger knows. */
  readonly changes: Changes;
}

/** A decision from its parts, for adapters. */
export function decisionOf(
  purchases: readonly Purchase[],
  outcomes: Outcome[],
  products: Changes['products'],
): Decision {
  const reserved = [];
  for (const outcome of outcomes) {
    if (outcome.kind === 'reserved' && !outcome.repeated) reserved.push(outcome.order.id);
  }
  const decided = [];
  for (const { id, channel } of purchases) if (channel === 'async') decided.push(id);
  return { outcomes, changes: { products, reserved, orders: [], decided } };
}

/** Async purchases accepted since the last count; negative to correct an earlier one. */
export interface AcceptedCount {
  /** Published to the queue. */
  readonly queued: number;
  /** Sell-outs encoded in the tracking id: accepted and decided at once. */
  readonly decidedByTheId: number;
}

export interface AsyncCounts {
  readonly accepted: number;
  readonly decided: number;
}

export interface KeyBinding {
  readonly key: PurchaseKey;
  readonly purchaseId: string;
  /** When the purchase was accepted (ms since the epoch). */
  readonly acceptedAt: number;
}
