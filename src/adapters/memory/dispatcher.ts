import type { OrderNews } from '../../domain/order.ts';
import type { ProcessStats } from '../../domain/process-stats.ts';
import { createPacer } from '../../lib/pacer.ts';
import { type FeedListener, STANDINGS_MAX_PER_SECOND } from '../../ports/feed.ts';
import type { Standing } from '../../ports/ledger.ts';

/** What this process tells its own listeners, wherever the news came from: the half that every feed has. */
export interface Dispatcher {
  /** Answers those that are news here. */
  standings(standings: readonly Standing[]): Standing[];
  orders(news: readonly OrderNews[]): void;
  decided(purchaseIds: readonly string[]): void;
  figures(figures: ProcessStats): void;
  gap(): void;
  subscribe(listener: FeedListener): () => void;
  close(): void;
}

/** Gaps come in flocks, one from each process that lost the same Redis. Reading the truth again once will do. */
const GAP_EVERY_MS = 1_000;
/** Products whose last version is remembered; beyond it the one that changed longest ago is forgotten. */
const VERSIONS_MAX = 100_000;

export function createDispatcher(onBug: (error: unknown, context: string) => void): Dispatcher {
  const listeners = new Set<FeedListener>();
  const newest = new Map<number, number>();
  const pacedStandings = createPacer<number, Standing>(1_000 / STANDINGS_MAX_PER_SECOND, (_, standing) =>
    tell((listener) => listener.standing?.(standing)),
  );
  const pacedGaps = createPacer<'gap', null>(GAP_EVERY_MS, () => tell((listener) => listener.gap?.()));

  function tell(say: (listener: FeedListener) => void): void {
    for (const listener of listeners) {
      try {
        say(listener);
      } catch (error) {
        onBug(error, 'a listener of the feed threw');
      }
    }
  }

  function isNews({ productId, version }: Standing): boolean {
    if (version <= (newest.get(productId) ?? -1)) return false;
    newest.delete(productId);
    newest.set(productId, version);
    if (newest.size > VERSIONS_MAX) newest.delete(newest.keys().next().value!);
    return true;
  }

  return {
    standings(standings) {
      const news = standings.filter(isNews);
      for (const standing of news) pacedStandings.offer(standing.productId, standing);
      return news;
    },
    orders(news) {
      for (const one of news) tell((listener) => listener.order?.(one));
    },
    decided(purchaseIds) {
      if (purchaseIds.length > 0) tell((listener) => listener.decided?.(purchaseIds));
    },
    figures: (figures) => tell((listener) => listener.figures?.(figures)),
    gap: () => pacedGaps.offer('gap', null),
    subscribe(listener) {
      // A listener of its own, so that the same object may subscribe twice.
      const own = { ...listener };
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    close() {
      listeners.clear();
      pacedStandings.close();
      pacedGaps.close();
    },
  };
}
