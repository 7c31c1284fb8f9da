import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type ServerProcess, startWorker } from '../../bench/server-process.ts';
import { freePorts } from '../../bench/services/ports.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { havePrometheus, runTool } from '../support/prometheus.ts';
import { scrape } from '../support/scrape.ts';
import { eventually, openShop } from '../support/shop.ts';

/** Metrics as Prometheus's own programs see them, and the ports of several processes while these are replaced. */

const OPEN_TIMEOUT_MS = 90_000;
const INSTANCES = 2;
const SOLD = { channel: 'sync', outcome: 'reserved' };
const canCheck = await havePrometheus('promtool');

/** Names by convention, help for each, no value twice. */
async function expectClean(url: string): Promise<void> {
  const { text } = await scrape(url);
  expect(text.split('\n').length).toBeGreaterThan(100);
  expect(await runTool('promtool', ['check', 'metrics'], text)).toEqual({ exit: 0, said: '' });
}

test.skipIf(!canCheck)('promtool finds nothing in the metrics of a server on embedded backends', async () => {
  await using shop = await openShop();
  expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
  await expectClean(shop.url);
  const named = await runTool(
    'promtool',
    ['check', 'metrics'],
    '# HELP sold Units\n# TYPE sold counter\nsold 1\n',
  );
  expect(named.said).toContain('counter metrics should have "_total" suffix');
});

onDistributedBackends(() => {
  describe('metrics', () => {
    let shop: DistributedShop;
    let worker: ServerProcess;
    let port: number;
    beforeAll(async () => {
      ({ shop, port } = await openOnFreePorts());
      // The variable alone; the flag of the helper's command wins over it.
      worker = await startWorker({ ...shop.env, PULSECART_MANAGEMENT_PORT: '1' });
    }, OPEN_TIMEOUT_MS);
    afterAll(async () => {
      await worker.kill();
      await shop[Symbol.asyncDispose]();
    }, OPEN_TIMEOUT_MS);
    const at = (place: number) => `http://127.0.0.1:${port + place}`;

    test.skipIf(!canCheck)(
      'promtool finds nothing in those of several processes, of each, and of a worker',
      async () => {
        for (const url of [at(0), at(1), at(2), worker.url]) await expectClean(url);
      },
    );

    test(
      'stay where they are, and none is lost, while the processes are replaced',
      async () => {
        for (let bought = 0; bought < 10; bought++)
          expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
        const before = shop.instances();
        let scrapes = 0;
        process.kill(shop.server.pid, 'SIGHUP');
        await eventually(async () => {
          expect((await scrape(at(0))).value('pulsecart_purchases_total', SOLD)).toBe(10);
          scrapes++;
          return shop.logs().includes('all instances replaced');
        });
        expect(scrapes).toBeGreaterThan(10);
        expect(shop.instances().filter((pid) => before.includes(pid))).toEqual([]);
        for (const place of [1, 2]) expect((await scrape(at(place))).value('pulsecart_instances')).toBe(1);
        expect((await scrape(at(0))).value('pulsecart_instances_answered')).toBe(INSTANCES);
      },
      OPEN_TIMEOUT_MS,
    );
  });
});

/** Ports in a row are found by trying: another program may take one of them meanwhile. */
async function openOnFreePorts(): Promise<{ shop: DistributedShop; port: number }> {
  for (let tries = 1; ; tries++) {
    const port = (await freePorts(1))[0]!;
    const env = { PULSECART_MANAGEMENT_PORT: `${port}`, PULSECART_PAYMENTS: 'off' };
    try {
      return { shop: await openDistributedShop({ instances: INSTANCES, env }), port };
    } catch (error) {
      if (tries === 5 || !/port is in use/.test((error as Error).message)) throw error;
    }
  }
}
