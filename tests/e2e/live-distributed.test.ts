import { expect, test } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { lastTold, openStream, type StreamReader } from '../support/event-stream.ts';
import { eventually } from '../support/shop.ts';
import { describeLiveContract } from './live.contract.ts';

const OPEN_TIMEOUT_MS = 90_000;
/** Each goes to one of two processes by chance: that all go to the same one happens once in 2²³ times. */
const VIEWERS = 24;

onDistributedBackends(() => {
  describeLiveContract((env = {}) => openDistributedShop({ env }));

  test(
    'what is sold at one process is seen at every other, and nobody who changes over sees anything older',
    async () => {
      await using shop = await openDistributedShop({ instances: 2 });
      await shop.reset(1, 1_000);
      let viewers: StreamReader[] = [];
      const open = (before?: StreamReader) =>
        openStream(shop.url, 'products=1,2', before ? { 'Last-Event-ID': before.lastId! } : {});
      viewers = await Promise.all(Array.from({ length: VIEWERS }, () => open()));
      for (let round = 0; round < 10; round++) {
        await shop.buy('sync', { productId: 1, quantity: 1 });
        // Whoever hears of it first goes at once, perhaps to the process that has not heard of it.
        const first = viewers.find((viewer) => lastTold(viewer, 1).available === 999 - round);
        const leaving = first ?? viewers[round]!;
        const seen = lastTold(leaving, 1);
        leaving[Symbol.dispose]();
        const next = await open(leaving);
        await next.first('snapshot');
        expect(lastTold(next, 1).version).toBeGreaterThanOrEqual(seen.version);
        viewers[viewers.indexOf(leaving)] = next;
      }
      await eventually(async () => {
        const { products } = await shop.readBooks();
        const { version, sold } = products.find(({ id }) => id === 1)!;
        return sold === 10 && viewers.every((viewer) => lastTold(viewer, 1).version === version);
      });
      for (const viewer of viewers) {
        expect(lastTold(viewer, 1).available).toBe(990);
        viewer[Symbol.dispose]();
      }
    },
    OPEN_TIMEOUT_MS,
  );
});
