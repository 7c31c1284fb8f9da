import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { freePorts } from '../../bench/services/ports.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { runPulsecart } from '../support/command.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { ownBackends } from '../support/own-backends.ts';
import { scrape, scrapesDuring } from '../support/scrape.ts';
import { eventually } from '../support/shop.ts';

/** Metrics of several processes on one port are those of one shop, whichever process a scrape comes to. */

const OPEN_TIMEOUT_MS = 90_000;
const INSTANCES = 3;
const UNITS = 50;
const SOLD = { channel: 'sync', outcome: 'reserved' };

onDistributedBackends(() => {
  describe('metrics of several processes', () => {
    let shop: DistributedShop;
    let managementUrl: string;
    beforeAll(async () => {
      const env = { PULSECART_MANAGEMENT_PORT: '0', PULSECART_PAYMENTS: 'off' };
      shop = await openDistributedShop({ instances: INSTANCES, env });
      managementUrl = lines('ready')[0]!.management!;
      await shop.reset(1, UNITS);
    }, OPEN_TIMEOUT_MS);
    afterAll(() => shop[Symbol.asyncDispose](), OPEN_TIMEOUT_MS);

    const lines = (msg: string) =>
      shop
        .logs()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { msg: string; pid: number; url?: string; management?: string })
        .filter((line) => line.msg === msg);
    const own = () => lines('health and metrics of one process');
    const all = () => scrape(managementUrl);

    test('are sums of what each counted, and what they read from the same stores stands there once', async () => {
      for (let bought = 0; bought < 20; bought++)
        expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
      const each = await Promise.all(own().map(({ url }) => scrape(url!)));
      const counted = each.map((one) => one.value('pulsecart_purchases_total', SOLD)!);
      expect(counted.reduce((sum, count) => sum + count)).toBe(20);
      const shown = await all();
      expect(shown.value('pulsecart_purchases_total', SOLD)).toBe(20);
      expect(shown.value('pulsecart_purchase_seconds_count', { channel: 'sync' })).toBe(20);
      for (const one of [shown, ...each]) {
        expect(one.value('pulsecart_units', { product: '1', state: 'reserved' })).toBe(20);
        expect(one.value('pulsecart_units', { product: '1', state: 'available' })).toBe(UNITS - 20);
      }
      expect(shown.value('pulsecart_queue_payments_waiting')).toBe(
        each[0]!.value('pulsecart_queue_payments_waiting'),
      );
      expect(shown.value('pulsecart_reconciler_is_leader', { task: 'counts' })).toBeLessThanOrEqual(1);
      expect(shown.value('pulsecart_instances')).toBe(INSTANCES);
      expect(shown.value('pulsecart_instances_answered')).toBe(INSTANCES);
      expect(each.map((one) => one.value('pulsecart_instances'))).toEqual([1, 1, 1]);
    });

    test('and health are not on the public port, while the supervisor has both and so has each process', async () => {
      for (const path of ['', '/health', '/health/readiness', '/info', '/metrics', '/prometheus'])
        expect((await shop.get(`/actuator${path}`)).status).toBe(404);
      expect((await shop.get('/')).json.links).not.toHaveProperty('metrics');
      for (const url of [managementUrl, ...own().map(({ url }) => url!)]) {
        for (const path of ['/health', '/health/readiness', '/health/liveness'])
          expect(await (await fetch(`${url}/actuator${path}`)).json()).toMatchObject({ status: 'UP' });
        expect(await (await fetch(`${url}/actuator/info`)).json()).toMatchObject({
          app: { name: 'pulsecart' },
        });
        expect((await fetch(`${url}/api/v1/products`)).status).toBe(404);
        expect((await fetch(`${url}/actuator/prometheus`, { method: 'POST' })).status).toBe(405);
      }
      const links = (await (await fetch(`${managementUrl}/actuator`)).json()) as {
        _links: { health: { href: string } };
      };
      expect(links._links.health.href).toBe(`${managementUrl}/actuator/health`);
    });

    test('are OpenMetrics for who asks for it', async () => {
      const { contentType, text } = await scrape(
        managementUrl,
        'application/openmetrics-text; version=1.0.0',
      );
      expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
      expect(text).toContain('# TYPE pulsecart_purchases counter\npulsecart_purchases_total{');
      expect(text).toEndWith('\n# EOF\n');
      expect((await all()).contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    });

    test('leave a frozen process out after a second, and its counts in', async () => {
      const before = await all();
      const [frozen] = own();
      process.kill(frozen!.pid, 'SIGSTOP');
      try {
        const beganAtMs = performance.now();
        const shown = await all();
        expect(performance.now() - beganAtMs).toBeLessThan(3_000);
        expect(shown.value('pulsecart_instances')).toBe(INSTANCES);
        expect(shown.value('pulsecart_instances_answered')).toBe(INSTANCES - 1);
        for (const [name, labels] of [
          ['pulsecart_purchases_total', SOLD],
          ['pulsecart_purchase_seconds_count', { channel: 'sync' }],
        ] as const)
          expect(shown.value(name, labels)).toBe(before.value(name, labels));
        // Gauges are of those that answer.
        expect(shown.value('process_max_fds')).toBe((before.value('process_max_fds')! * 2) / 3);
      } finally {
        process.kill(frozen!.pid, 'SIGCONT');
      }
      await eventually(async () => (await all()).value('pulsecart_instances_answered') === INSTANCES);
    });

    test('never fall when a process ends: what it counted stays in the sums', async () => {
      const before = (await all()).value('pulsecart_purchases_total', SOLD)!;
      process.kill(own()[0]!.pid, 'SIGKILL');
      await eventually(async () => {
        const shown = await all();
        expect(shown.value('pulsecart_purchases_total', SOLD)).toBe(before);
        return shown.value('pulsecart_instances_answered') === INSTANCES;
      });
      // No scrape between the purchases and the ends: each process tells its counts when it leaves.
      for (let bought = 0; bought < 10; bought++)
        expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
      for (const pid of shop.instances()) process.kill(pid, 'SIGTERM');
      await eventually(() => lines('instance started').length === 1 + INSTANCES);
      await eventually(async () => (await all()).value('pulsecart_instances_answered') === INSTANCES);
      expect((await all()).value('pulsecart_purchases_total', SOLD)).toBe(before + 10);
    });

    test(
      'are answered or refused while the processes stop, and never hang',
      async () => {
        let exit: unknown;
        const outcomes = await scrapesDuring(managementUrl, async () => {
          exit = await shop.server.stop();
        });
        expect(exit).toBe(0);
        expect(outcomes).toContain(200);
        expect(outcomes.filter((one) => one !== 200 && one !== 'refused')).toEqual([]);
        expect(shop.server.messages()).toBe('');
      },
      OPEN_TIMEOUT_MS,
    );
  });

  describe('without a port of their own, metrics of several processes', () => {
    test(
      'are on the public port, from whichever process; it is unavailable rather than a part while the supervisor is frozen',
      async () => {
        await using shop = await openDistributedShop({ instances: 2, env: { PULSECART_PAYMENTS: 'off' } });
        await shop.reset(1, UNITS);
        for (let bought = 0; bought < 10; bought++) await shop.buy('sync', { productId: 1, quantity: 1 });
        for (let scrapes = 0; scrapes < 10; scrapes++) {
          const shown = await scrape(shop.url);
          expect(shown.value('pulsecart_purchases_total', SOLD)).toBe(10);
          expect(shown.value('pulsecart_instances_answered')).toBe(2);
        }
        process.kill(shop.server.pid, 'SIGSTOP');
        try {
          expect((await shop.get('/actuator/prometheus')).status).toBe(503);
        } finally {
          process.kill(shop.server.pid, 'SIGCONT');
        }
        await eventually(async () => (await shop.get('/actuator/prometheus')).status === 200);
      },
      OPEN_TIMEOUT_MS,
    );
  });

  test(
    'a worker that stops answers a scrape or refuses it',
    async () => {
      await using shop = await openDistributedShop({ workers: 1 });
      const [worker] = shop.workers;
      let exit: unknown;
      const outcomes = await scrapesDuring(worker!.url, async () => {
        exit = await worker!.stop();
      });
      expect({ exit, messages: worker!.messages() }).toEqual({ exit: 0, messages: '' });
      expect(new Set(outcomes).difference(new Set([200, 'refused']))).toEqual(new Set());
    },
    OPEN_TIMEOUT_MS,
  );

  describe('a port for metrics', () => {
    test(
      'that is in use stops the start with one line, of a server, of several, and of a worker',
      async () => {
        await using backends = await ownBackends();
        const [port] = await freePorts(1);
        using taken = Bun.serve({ hostname: '127.0.0.1', port: port!, fetch: () => new Response() });
        const env = { PULSECART_MANAGEMENT_PORT: `${port}` };
        for (const options of [{ env }, { env, instances: 2 }])
          await expect(openDistributedShop(options)).rejects.toThrow(
            `pulsecart: Cannot listen on 127.0.0.1:${port}: the port is in use`,
          );
        expect(await runPulsecart(['worker'], { ...backends.env, ...env })).toMatchObject({
          exit: 1,
          stderr: expect.stringMatching(
            /^pulsecart: Cannot listen on 127\.0\.0\.1:\d+: the port is in use.*\n$/,
          ),
        });
        // The port of the first of the processes.
        const before = { PULSECART_MANAGEMENT_PORT: `${taken.port! - 1}` };
        await expect(openDistributedShop({ env: before, instances: 2 })).rejects.toThrow(
          `pulsecart: Cannot listen on 127.0.0.1:${port}: the port is in use`,
        );
      },
      OPEN_TIMEOUT_MS,
    );
  });
});
