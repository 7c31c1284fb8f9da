import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { type ProcessStats, RATES } from '../../src/domain/process-stats.ts';
import { type Feed, type FeedListener, STANDINGS_MAX_PER_SECOND } from '../../src/ports/feed.ts';
import type { Standing } from '../../src/ports/ledger.ts';
import { until } from '../support/until.ts';

/**
 * What every feed must do. `make` answers two ends of one feed that shares nothing with others: of two processes, or
 * twice the same one where there is only one process.
 */
export function feedContract(name: string, make: () => Promise<[here: Feed, there: Feed]>): void {
  describe(`feed: ${name}`, () => {
    let here: Feed;
    let there: Feed;
    let productId = 100;
    const standing = (version: number, available = 0): Standing => ({ productId, version, available });

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

    test('a standing is heard here and there, once each', async () => {
      const ears = [listen(here), listen(there)];
      here.announce([standing(3, 7)]);
      await until(() => ears.every(({ standings }) => standings.length > 0));
      // What is said afterwards is heard afterwards: nothing came twice.
      here.announceDecided(['the-end']);
      await until(() => ears.every(({ decided }) => decided.includes('the-end')));
      for (const { standings } of ears) expect(standings).toEqual([standing(3, 7)]);
    });

    test('news of orders and of decided purchases is heard here and there', async () => {
      const ears = [listen(here), listen(there)];
      const news = { orderId: 'o-1', status: 'paid', updatedAt: 1_700_000_000_000 } as const;
      here.announceOrders([news]);
      here.announceDecided(['p-1', 'p-2']);
      await until(() => ears.every(({ decided }) => decided.length === 2));
      for (const { orders, decided } of ears) {
        expect(orders).toEqual([news]);
        expect(decided).toEqual(['p-1', 'p-2']);
      }
    });

    test('figures of a process are heard here and there, word for word', async () => {
      const ears = [listen(here), listen(there)];
      here.announceFigures(FIGURES);
      await until(() => ears.every(({ figures }) => figures.length > 0));
      for (const { figures } of ears) expect(figures).toEqual([FIGURES]);
    });

    test('versions only rise, whoever announces them in whatever order', async () => {
      const ears = [listen(here), listen(there)];
      const versionsOf = (id: number) =>
        ears.map(({ standings }) =>
          standings.filter((one) => one.productId === id).map((one) => one.version),
        );
      const heard = (id: number, last: number) =>
        until(() => versionsOf(id).every((versions) => versions.at(-1) === last));
      const [first, other] = [productId, ++productId];
      const at = (id: number, version: number): Standing => ({ productId: id, version, available: 0 });

      here.announce([at(first, 5)]);
      there.announce([at(first, 4)]);
      here.announce([at(first, 5), at(first, 2)]);
      there.announce([at(first, 6)]);
      await heard(first, 6);
      // The second standing of another product has to wait, so afterwards the first one could be heard at once again.
      here.announce([at(other, 1)]);
      here.announce([at(other, 2)]);
      await heard(other, 2);
      here.announce([at(first, 5)]);
      there.announce([at(first, 3)]);
      here.announce([at(first, 7)]);
      await heard(first, 7);
      for (const versions of versionsOf(first)) {
        expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      }
    });

    test('a burst is thinned out, and its last standing is heard', async () => {
      const ears = [listen(here), listen(there)];
      const startedAtMs = performance.now();
      for (let version = 1; version <= 300; version++) {
        (version % 2 ? here : there).announce([standing(version)]);
        if (version % 10 === 0) await Bun.sleep(5);
      }
      await until(() => ears.every(({ standings }) => standings.at(-1)?.version === 300));
      const tookMs = performance.now() - startedAtMs;
      const most = 2 + Math.ceil((tookMs / 1_000) * STANDINGS_MAX_PER_SECOND);
      for (const { standings } of ears) expect(standings.length).toBeLessThanOrEqual(most);
    });

    test('products do not hold each other up', async () => {
      const ear = listen(there);
      const products = Array.from({ length: 200 }, () => ({ ...standing(1), productId: ++productId }));
      here.announce(products);
      await until(() => ear.standings.length === products.length);
      expect(ear.standings).toEqual(products);
    });

    test('the largest numbers arrive digit by digit', async () => {
      const ear = listen(there);
      const largest = {
        productId: Number.MAX_SAFE_INTEGER,
        version: Number.MAX_SAFE_INTEGER,
        available: Number.MAX_SAFE_INTEGER,
      };
      here.announce([largest]);
      await until(() => ear.standings.length > 0);
      expect(ear.standings).toEqual([largest]);
    });

    test('who unsubscribes hears nothing more, and who throws keeps nobody from hearing', async () => {
      const [gone, stays] = [listen(here), listen(here)];
      const stop = here.subscribe({
        standing() {
          throw new Error('a bug of a listener');
        },
      });
      const last = listen(here);
      gone.stop();
      here.announce([standing(1)]);
      await until(() => stays.standings.length === 1 && last.standings.length === 1);
      expect(gone.standings).toEqual([]);
      stop();
    });

    test('a listener that takes only some news gets only those', async () => {
      const decided: string[] = [];
      const stop = there.subscribe({ decided: (ids) => decided.push(...ids) });
      here.announce([standing(1)]);
      here.announceOrders([{ orderId: 'o', status: 'reserved', updatedAt: 0 }]);
      here.announceDecided(['p']);
      await until(() => decided.length === 1);
      stop();
    });

    test('a ping finds it well', async () => {
      await here.ping();
      await there.ping();
    });
  });
}

const FIGURES: ProcessStats = {
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
  const standings: Standing[] = [];
  const orders: Parameters<NonNullable<FeedListener['order']>>[0][] = [];
  const decided: string[] = [];
  const figures: ProcessStats[] = [];
  const stop = feed.subscribe({
    standing: (standing) => standings.push(standing),
    order: (news) => orders.push(news),
    decided: (purchaseIds) => decided.push(...purchaseIds),
    figures: (told) => figures.push(told),
  });
  return { standings, orders, decided, figures, stop };
}
