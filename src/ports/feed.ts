import type { OrderChange } from '../domain/order.ts';
import type { ProcessStats } from '../domain/process-stats.ts';
import type { StockVersion } from '../domain/product.ts';

import type { Changes } from './changes.ts';

/**
 * Change events from the other processes, for live streams, stock caches and readers that wait for an outcome. An event says
 * that something changed and decides nothing; the ledger is the truth.
 *
 * - A process receives the events of the others, not its own.
 * - Of a product that changes often the newest stock version always gets through, and not every one before it; they may
 *   arrive in another order. Every change of a product's row raises its version, so a listener that shows more than units reads the row again.
 * - Orders and decided purchases are hints: each is sent once, in no promised order, and under a flood some are dropped.
 *   A reader that waits for one also polls the ledger.
 * - When events may have been missed because a connection was lost, here or at a publisher, listeners receive `resync` once
 *   it is back, and read the ledger again.
 *
 * Publishing never throws, waits or fails, and memory is bounded: an event that cannot be sent is dropped and ends in a `resync`.
 */
export interface Feed {
  /** Sends the changes of a commit, except newly reserved orders: only the process that decided one has a reader for it. */
  publish(changes: Changes): void;

  /** Sends this process's stats. Of several unsent ones only the last is sent. */
  publishStats(stats: ProcessStats): void;

  /** Subscribes until the returned function is called. Listeners are called one after the other, so each must be quick. */
  subscribe(listener: FeedListener): () => void;

  /** Resolves while events pass in both directions; rejects `unavailable` otherwise. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export interface FeedListener {
  stock?(versions: readonly StockVersion[]): void;
  news?(news: News): void;
  stats?(stats: ProcessStats): void;
  /** Events may have been missed. */
  resync?(): void;
}

/** Orders with a new status, and async purchases with an outcome. */
export interface News {
  readonly orders: readonly OrderChange[];
  readonly decided: readonly string[];
}
