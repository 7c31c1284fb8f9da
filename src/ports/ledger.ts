import type { LoggedOperation, Operation } from '../domain/operation.ts';
import type { Order } from '../domain/order.ts';
import type { NewProduct, Product } from '../domain/product.ts';
import type { Outcome, Purchase, PurchaseKey, RefusalCode } from '../domain/purchase.ts';
import type { LedgerEndings, Moved } from './endings.ts';
import type { LedgerRetention } from './retention.ts';
import type { LedgerSales, SaleStep } from './sales.ts';

/**
 * The durable truth: products, orders, holdings, payments, keys and outcomes. Only the ledger sells.
 *
 * Every method is one atomic step: it is committed to disk when its promise resolves, and left no trace when it
 * rejects with AppError `unavailable`. It may also reject with `outcome_unknown` (the connection was cut during the
 * commit); then the same call with the same ids finds out, because every method is idempotent by its ids. Whatever
 * touches units returns the new standing of each product, so that the gate can follow.
 *
 * `reserved ≥ 0`, `sold ≥ 0` and `reserved + sold ≤ total` are constraints of the store itself. They should never
 * fire; when one does, that is a bug of ours and the step fails as a whole.
 */
export interface Ledger extends LedgerSales, LedgerEndings, LedgerRetention {
  /** All products by id. */
  products(): Promise<Product[]>;

  /** The product, or undefined. Reads the last commit. */
  product(productId: number): Promise<Product | undefined>;

  /** Puts new products on sale; a product whose id exists already is left as it is. */
  addProducts(products: readonly NewProduct[]): Promise<void>;

  /**
   * Decides purchases in the order given; `outcomes[i]` answers `purchases[i]`.
   *
   * - An id or a key that was decided before gets its first outcome again.
   * - A purchase that does not fit is refused and the rest goes on; one bad purchase never fails its neighbours.
   * - A reserved purchase becomes an order, and its key is bound, in the same commit. Async refusals are recorded as the
   *   purchase's final outcome; sync refusals leave no trace unless the purchase is asked for `again`.
   * - `again`: an earlier call with these ids may still be under way, because its connection was cut. Then a refusal is
   *   recorded under the id, so that the earlier call finds it however late it arrives: an order, or never.
   * - Past its `decideBy` a purchase is refused as `too_old`. One whose key was refused after it came is superseded.
   * - The window of a sale is judged now, by the ledger's clock, for sync purchases. Async ones were judged when they
   *   were accepted; their `refusal` says so.
   */
  decide(purchases: readonly Purchase[], again?: boolean): Promise<Decision>;

  /**
   * Ends a purchase of which nothing is known once its `decideBy` is over: `too_old` is recorded under its id. Before that, and
   * where an order or an outcome exists, nothing happens. Rejects with `unavailable` while a decision of it is being committed.
   */
  conclude(purchase: Pick<Purchase, 'id' | 'channel' | 'decideBy'>): Promise<void>;

  /** What became of these purchases, by id. An id the ledger knows nothing of is missing from the map. */
  find(purchaseIds: readonly string[]): Promise<Map<string, Found>>;

  /** An order with its payment attempts, or undefined. */
  order(orderId: string): Promise<OrderView | undefined>;

  /**
   * Binds keys to purchase ids before the queue is asked to carry them (async path). A key that is bound already
   * keeps its first binding, which is what the answer shows.
   */
  bindKeys(bindings: readonly KeyBinding[]): Promise<KeyBinding[]>;

  /** Counts one more attempt to decide each purchase, before the attempt is made; answers the totals so far. */
  countAttempts(purchaseIds: readonly string[]): Promise<number[]>;

  /** Notes that purchases were dead-lettered (they read `needs_attention`), or that a replay cleared that. */
  markNeedsAttention(purchaseIds: readonly string[], needsAttention: boolean): Promise<void>;

  /**
   * Starts a new generation of exactly `units` free units. With an operation it is written down in the same commit; done
   * before, nothing happens, and the answer is the product as it is now.
   */
  reset(productId: number, units: number, operation?: Operation | null): Promise<SaleStep>;

  /**
   * Takes the charge lease of orders: `reserved → charging`, only while the hold runs, one attempt more. Also
   * takes over the attempt of orders in `charging` whose lease has ended. Orders it cannot take are left out.
   */
  lease(orderIds: readonly string[], leaseMs: number): Promise<LeasedOrder[]>;

  /**
   * Records what became of charges. `captured`, `declined` and `give_up` are the provider's last word on the attempt's key,
   * whoever brings them. An `attempt_failed` from any lease but the current one is ignored: the others may have asked for
   * the same attempt, and a new attempt beside theirs would charge twice.
   *
   * Of an attempt that is over already every result is ignored but `captured`, because that is money: it is treated like
   * one told to `captureLate`, after the others of the batch.
   */
  settle(results: readonly ChargeResult[]): Promise<Moved>;

  /** Expires `reserved` orders whose hold has run out, oldest first, and gives their units back. */
  expireOverdue(limit: number): Promise<Moved & { readonly expired: number }>;

  /** Orders a charge message may have been lost for: `reserved` with a running hold since before `olderThanMs` ago,
   *  or `charging` with an ended lease. Oldest first. */
  unsettled(olderThanMs: number, limit: number): Promise<string[]>;

  /**
   * Adds to the count of async purchases taken in. Said by each process now and then rather than with each purchase, and
   * not idempotent, so it is an estimate: a crash loses the last moments of it, and a reconciler sets it right.
   */
  countAccepted(count: AcceptedCount): Promise<void>;

  /** Async purchases taken in and decided, since ever. Decided is exact but for those that `countAccepted` brought. */
  asyncCounts(): Promise<AsyncCounts>;

  /**
   * True while `holder` has the duty: takes it when nobody has it or its time is over by the ledger's clock, prolongs it
   * when it is the holder's own. So one process at a time does what need not be done twice; nothing may depend on it.
   */
  holdDuty(duty: string, holder: string, forMs: number): Promise<boolean>;

  /** Gives the duty up before its time; nothing happens when somebody else has it. */
  leaveDuty(duty: string, holder: string): Promise<void>;

  /**
   * Writes down what an operator did elsewhere than here. Steps of the ledger that operators ask for write it down
   * themselves, in their own commit.
   */
  log(operation: Operation): Promise<void>;

  /** What operators did, newest first; `before` is the id of the last one read. */
  operations(limit: number, before: string | null): Promise<LoggedOperation[]>;

  /** Secret of `bytes` bytes with this name, made at first use and shared by every instance on the same ledger. */
  secret(name: string, bytes: number): Promise<Uint8Array>;

  /** Resolves when a purchase could be written: something else was, to the disk. Rejects with `unavailable` otherwise. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

/** A product's units as of one commit. A higher version is newer. */
export interface Standing {
  readonly productId: number;
  readonly version: number;
  readonly available: number;
}

export interface Decision {
  readonly outcomes: Outcome[];
  /** Products that the batch named and the ledger knows, as they stand after the commit. */
  readonly products: Product[];
}

export type Found =
  | { readonly kind: 'order'; readonly order: Order }
  | {
      readonly kind: 'refused';
      /** Null, like the quantity, where only a lost message knew them. */
      readonly productId: number | null;
      readonly quantity: number | null;
      readonly code: RefusalCode;
      readonly available: number;
      readonly decidedAt: number;
    }
  /** Undecided; it was dead-lettered and waits for an operator. */
  | { readonly kind: 'needs_attention' };

export interface OrderView {
  readonly order: Order;
  readonly payments: PaymentAttempt[];
}

export interface PaymentAttempt {
  readonly attempt: number;
  readonly amountMinor: number;
  readonly currency: string;
  readonly status:
    | 'pending'
    | 'captured'
    | 'declined'
    | 'failed'
    | 'cancelled'
    /** Captured, and on its way back. */
    | 'refunding'
    | 'refunded';
  readonly providerId: string | null;
  /** Why it was declined or failed. */
  readonly reason: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Async purchases taken in since the last count; negative to correct an earlier one. */
export interface AcceptedCount {
  /** Handed to the queue. */
  readonly queued: number;
  /** Sell-outs told by the tracking id itself: accepted and decided at once. */
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

export interface LeasedOrder {
  readonly order: Order;
  /** Number of this attempt, from 1; the provider's idempotency key is made of the order id and this. */
  readonly attempt: number;
  /** How often this attempt was leased, this time included. Above 1 the provider may have heard of it already. */
  readonly leases: number;
  /** False for an attempt taken over after its hold ran out: it must be cancelled at the provider, not charged. */
  readonly holdRuns: boolean;
}

export interface ChargeResult {
  readonly orderId: string;
  readonly attempt: number;
  /** `leases` of the lease that asked. */
  readonly leases: number;
  readonly result:
    | { readonly type: 'captured'; readonly providerId: string }
    | { readonly type: 'declined'; readonly reason: string }
    /** This lease's ask surely charged nothing; the order may be tried again while its hold runs. */
    | { readonly type: 'attempt_failed'; readonly reason: string }
    /** The provider confirmed the cancellation of an attempt whose outcome was unknown for too long. */
    | { readonly type: 'give_up'; readonly reason: string };
}
