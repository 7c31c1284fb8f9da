import type { Feed } from '../../ports/feed.ts';
import { createHub } from './hub.ts';

/** The embedded feed: there is one process, and it hears itself. */
export function openMemoryFeed(onBug: (error: unknown, context: string) => void): Feed {
  const hub = createHub(onBug);
  return {
    announce: (standings) => void hub.standings(standings),
    announceOrders: hub.orders,
    announceDecided: hub.decided,
    announceFigures: hub.figures,
    subscribe: hub.subscribe,
    async ping() {},
    async close() {
      hub.close();
    },
  };
}
