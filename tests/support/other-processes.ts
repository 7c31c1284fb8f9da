import type { ProcessStats } from '../../src/domain/process-stats.ts';
import type { Changes } from '../../src/ports/changes.ts';
import type { Feed, FeedListener, News } from '../../src/ports/feed.ts';

/** The feed of a process whose others are played by the test: it says what they publish, and sees what they would hear. */
export function otherProcesses() {
  const listeners = new Set<FeedListener>();
  const heard: Changes[] = [];
  const feed: Pick<Feed, 'publish' | 'subscribe'> = {
    publish: (changes) => void heard.push(changes),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const tell = (call: (listener: FeedListener) => void) => listeners.forEach(call);
  return {
    feed,
    /** What this process has published. */
    heard,
    /** Another process has changed the product to this version. */
    changed: (productId: number, version: number, available = 0) =>
      tell((one) => one.stock?.([{ productId, version, available }])),
    news: (news: Partial<News>) => tell((one) => one.news?.({ orders: [], decided: [], ...news })),
    resync: () => tell((one) => one.resync?.()),
  };
}

/** Feeds of processes that hear each other's stats. */
export function linkedFeeds() {
  const all = new Set<(stats: ProcessStats) => void>();
  return (): Pick<Feed, 'publishStats' | 'subscribe'> => {
    let own = (_: ProcessStats) => {};
    return {
      publishStats: (stats) => {
        for (const hear of all) if (hear !== own) hear(stats);
      },
      subscribe(listener) {
        own = (stats) => listener.stats?.(stats);
        all.add(own);
        return () => void all.delete(own);
      },
    };
  };
}
