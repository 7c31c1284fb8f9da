import type { OrderChange } from '../domain/order.ts';
import type { ProcessStats } from '../domain/process-stats.ts';
import type { StockVersion } from '../domain/product.ts';

import type { Changes } from './changes.ts';

/**
 * News from the other processes, for live streams, stock caches and readers that wait for an outcome. It says that something
 * changed and decides nothing; the ledger is the truth.
 *
 * - A process hears what the others publish, not what it publishes itself: that it knows already.
 * - Of a product that changes often the newest stock version always gets through, and not every one before it. Every change
 *   of a product's row raises its version, so a listener that shows more than units reads the row again.
 * - Orders and decided purchases are hints: each is sent once, in no promised order, and under a flood some are dropped.
 *   A reader that waits for one asks the ledger now and then all the same.
 * - When news may have been missed because a connection was lost, here or at a publisher, listeners hear `resync` once it
 *   is back, and read the truth again.
 *
 * Publishing never throws, waits or fails, and memory is bounded: what cannot be sent is dropped and ends in a `resync`.
 */
export interface Feed {
  /** Sends what a commit changed. Newly reserved orders are left out: nobody elsewhere waits for one that was not decided there. */
  publish(changes: Changes): void;

  /** How this process fares, sent now and then. Of several that have not been sent yet only the last one is. */
  publishStats(stats: ProcessStats): void;

  /** Listens from now on, until the returned function is called. Listeners are called one after the other: be quick. */
  subscribe(listener: FeedListener): () => void;

  /** Resolves while news goes both ways; rejects `unavailable` otherwise. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export interface FeedListener {
  stock?(versions: readonly StockVersion[]): void;
  news?(news: News): void;
  stats?(stats: ProcessStats): void;
  /** News may have been missed. */
  resync?(): void;
}

/** Orders that came to a new status, and async purchases that got their outcome. */
export interface News {
  readonly orders: readonly OrderChange[];
  readonly decided: readonly string[];
}
