import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { type ProcessStats, RATES } from '../../src/domain/process-stats.ts';
import type { Product } from '../../src/domain/product.ts';
import { type Changes, NO_CHANGES } from '../../src/ports/changes.ts';
import type { Feed, News } from '../../src/ports/feed.ts';
import { until } from '../support/until.ts';

/** What every feed of several processes must do. `make` answers the ends of two processes that share it with no other. */
export function feedContract(name: string, make: () => Promise<[here: Feed, there: Feed]>): void {
  describe(`feed: ${name}`, () => {
    let here: Feed;
    let there: Feed;
    let productId = 100;
    const stock = (version: number) => ({ productId, version, available: 7 });

    beforeAll(async () => {
      [here, there] = await make();
    });
    afterAll(async () => {
      await here.close();
      await there.close();
    });
    beforeEach(() => {
      productId++;
    });

    test('a changed product is heard there once, as its stock version, and not here', async () => {
      const [own, other] = [listen(here), listen(there)];
      here.publish(productsAt([productId, 3]));
      await until(() => other.versionsOf(productId).length > 0);
      // What is published afterwards is heard afterwards: nothing came twice, or back.
      there.publish({ ...NO_CHANGES, decided: ['the-end'] });
      await until(() => own.decided.includes('the-end'));
      expect(other.stock).toEqual([stock(3)]);
      expect(own.stock).toEqual([]);
    });

    test('orders that came to a new status and decided purchases are heard there; orders just made are not', async () => {
      const other = listen(there);
      const paid = { id: 'o-1', status: 'paid', updatedAt: 1_700_000_000_000 } as const;
      const back = { ...paid, id: 'o-2', status: 'reserved' } as const;
      here.publish({ products: [], reserved: ['o-3'], orders: [back, paid], decided: ['p-1', 'p-2'] });
      await until(() => other.decided.length === 2);
      expect(other.orders).toEqual([back, paid]);
      expect(other.decided).toEqual(['p-1', 'p-2']);
    });

    test('stats of a process are heard there, word for word', async () => {
      const other = listen(there);
      here.publishStats(STATS);
      await until(() => other.stats.length > 0);
      expect(other.stats).toEqual([STATS]);
    });

    test('of a burst fewer versions are sent, and the last one always', async () => {
      const other = listen(there);
      for (let version = 1; version <= 300; version++) {
        here.publish(productsAt([productId, version], [productId, version - 1]));
        if (version % 10 === 0) await Bun.sleep(1);
      }
      // A cluster hands messages on from node to node, and not always in their order.
      await until(() => other.versionsOf(productId).includes(300));
      expect(other.versionsOf(productId).length).toBeLessThan(100);
    });

    test('products do not hold each other up', async () => {
      const other = listen(there);
      const ids = Array.from({ length: 200 }, () => ++productId);
      here.publish(productsAt(...ids.map((id): [number, number] => [id, 1])));
      await until(() => other.stock.length === ids.length);
      expect(other.stock.map((one) => one.productId)).toEqual(ids);
    });

    test('the largest numbers arrive digit by digit', async () => {
      const other = listen(there);
      const largest = Number.MAX_SAFE_INTEGER;
      const product = { ...FIRST, id: largest, version: largest, total: largest, reserved: 0, sold: 0 };
      here.publish({ ...NO_CHANGES, products: [product] });
      await until(() => other.stock.length > 0);
      expect(other.stock).toEqual([{ productId: largest, version: largest, available: largest }]);
    });

    test('who unsubscribes hears nothing more, and who throws keeps no other from hearing', async () => {
      const [gone, stays] = [listen(there), listen(there)];
      const stop = there.subscribe({
        stock() {
          throw new Error('a bug of a listener');
        },
      });
      const last = listen(there);
      gone.stop();
      here.publish(productsAt([productId, 1]));
      await until(() => stays.stock.length === 1 && last.stock.length === 1);
      expect(gone.stock).toEqual([]);
      stop();
    });

    test('a ping finds it well', async () => {
      await here.ping();
      await there.ping();
    });
  });
}

const FIRST: Product = {
  id: 1,
  name: 'A thing',
  priceMinor: 100,
  currency: 'USD',
  total: 10,
  reserved: 2,
  sold: 1,
  version: 1,
  generation: 1,
  state: 'open',
  opensAt: null,
  closesAt: null,
  perCustomerLimit: null,
  customerRequired: false,
  holdSeconds: 600,
};

/** Commits that left these products at these versions, with 7 units free. */
export function productsAt(...versions: [productId: number, version: number][]): Changes {
  return { ...NO_CHANGES, products: versions.map(([id, version]) => ({ ...FIRST, id, version })) };
}

const STATS: ProcessStats = {
  instance: 'host:1',
  windowMs: 10_000,
  perSecond: Object.fromEntries(RATES.map((name, i) => [name, i + 0.5])) as ProcessStats['perSecond'],
  times: { syncP50Ms: 1.5, syncP99Ms: 9, acceptP99Ms: null, confirmP99Ms: null },
  eventLoopP99Ms: 0.25,
  cpuShare: 0.75,
  rssBytes: 100_000_000,
  uptimeMs: 12_345,
};

/** Takes notes of everything. */
function listen(feed: Feed) {
  const stock: { productId: number; version: number; available: number }[] = [];
  const orders: News['orders'][number][] = [];
  const decided: string[] = [];
  const stats: ProcessStats[] = [];
  const stop = feed.subscribe({
    stock: (versions) => stock.push(...versions),
    news: (news) => {
      orders.push(...news.orders);
      decided.push(...news.decided);
    },
    stats: (heard) => stats.push(heard),
  });
  const versionsOf = (id: number) => stock.filter((one) => one.productId === id).map((one) => one.version);
  return { stock, orders, decided, stats, versionsOf, stop };
}
