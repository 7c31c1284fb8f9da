import type { Changes } from './changes.ts';
import type { Consumer, Delivery } from './queue.ts';

/** The queue of purchases where it is in the ledger's own store: it decides purchases in the commit that acknowledges them. */
export interface DecidingQueue {
  /**
   * Takes purchases like `Queue.consume`, and decides first deliveries like `Decisions.decide`: the outcomes and the
   * acknowledgement are one commit, and `decided` hears of it afterwards. After a crash before that commit the messages are
   * redelivered. `handle` gets what is not decided so: redelivered messages, batches with an unreadable or a sampled purchase,
   * and, marked `redelivered`, a batch whose decision met a bug.
   */
  consumePurchases(
    options: ConsumePurchases,
    decided: (batch: DecidedBatch) => void,
    handle: (deliveries: Delivery[]) => Promise<void>,
  ): Promise<Consumer>;
}

export interface ConsumePurchases {
  readonly maxItems: number;
  /** Calls of `handle` at once. */
  readonly concurrency: number;
  /** From a purchase's acceptance to its `decideBy`. */
  readonly purchaseTtlMs: number;
}

export interface DecidedBatch {
  readonly changes: Changes;
  /** Monotonic time at which the decision began. */
  readonly askedAtMs: number;
  /** From each purchase's acceptance to its outcome. */
  readonly tookMs: readonly number[];
  readonly reserved: number;
  /** Of the refused ones. */
  readonly tooOld: number;
}
