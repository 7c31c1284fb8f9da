import type { Feed } from '../../ports/feed.ts';
import { createDispatcher } from './dispatcher.ts';

/** The embedded feed: there is one process, and it hears itself. */
export function openMemoryFeed(onBug: (error: unknown, context: string) => void): Feed {
  const dispatcher = createDispatcher(onBug);
  return {
    announce: (standings) => void dispatcher.standings(standings),
    announceOrders: dispatcher.orders,
    announceDecided: dispatcher.decided,
    announceFigures: dispatcher.figures,
    subscribe: dispatcher.subscribe,
    async ping() {},
    async close() {
      dispatcher.close();
    },
  };
}
