import type { OrderNews } from '../domain/order.ts';
import type { ProcessStats } from '../domain/process-stats.ts';
import type { Standing } from './ledger.ts';

/**
 * News for whoever shows or remembers things: live streams, the memory of other instances, readers that wait for an
 * outcome. It says that something changed and decides nothing; the ledger is the truth.
 *
 * - Everybody on the feed hears what is announced, the announcing process included, each listener once.
 * - Standings: per product a listener hears only rising versions, at most `STANDINGS_MAX_PER_SECOND` a second, the newest
 *   always and at once when it was quiet. Every change of a product's row raises its version, so a standing also tells
 *   whoever shows more than units to read the row again.
 * - Orders and decided purchases are hints: each is told once, in no promised order, and under a flood some are dropped.
 *   Who waits for one asks the ledger now and then all the same.
 * - When news may have been missed because a connection was lost, here or at an announcer, listeners hear `gap` once it
 *   is back, and read the truth again.
 *
 * Announcing never throws, waits or fails, and memory is bounded: what cannot be told is dropped and ends in a `gap`.
 */
export interface Feed {
  announce(standings: readonly Standing[]): void;
  announceOrders(news: readonly OrderNews[]): void;
  /** Async purchases that got their outcome. Cheap enough to be told of every one. */
  announceDecided(purchaseIds: readonly string[]): void;

  /** How this process fares, told now and then. Of several that have not been sent yet only the last one is. */
  announceFigures(figures: ProcessStats): void;

  /** Listens from now on, until the returned function is called. Listeners are called one after the other: be quick. */
  subscribe(listener: FeedListener): () => void;

  /** Resolves while news goes both ways; rejects `unavailable` otherwise. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

export interface FeedListener {
  standing?(standing: Standing): void;
  order?(news: OrderNews): void;
  decided?(purchaseIds: readonly string[]): void;
  figures?(figures: ProcessStats): void;
  /** News may have been missed. */
  gap?(): void;
}

export const STANDINGS_MAX_PER_SECOND = 20;
