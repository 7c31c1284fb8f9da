import { afterEach, expect, test } from 'bun:test';
import { temporaryFolder } from '../tests/support/folder.ts';
import { until } from '../tests/support/until.ts';
import type { Load } from './closed-loop.ts';
import type { Target } from './connection.ts';
import { OpenLoop } from './open-loop.ts';
import { purchaseRequest, SYNC_PURCHASE, targetOf } from './requests.ts';
import { resetStock } from './server-api.ts';
import { startServer } from './server-process.ts';
import { createPause } from './services/pause.ts';
import { familyOf } from './services/processes.ts';

const servers: Bun.Server<undefined>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) void server.stop(true);
});

const FROZEN_MS = 2_000;

function purchases(target: Target, options: Partial<Load> = {}): Load {
  return {
    request: purchaseRequest(target, { path: SYNC_PURCHASE, productId: 1, quantity: 1, seed: 1 }),
    expectStatus: 200,
    ...options,
  };
}

function serverThat(answer: () => Response | Promise<Response>): Target {
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer });
  servers.push(server);
  return targetOf(server.url.origin);
}

test('a server that freezes for two seconds shows in the p99 from the intended time, and hides in the raw one', async () => {
  using folder = temporaryFolder();
  const server = await startServer({ dataFolder: folder.path, env: { PULSECART_PAYMENTS: 'off' } });
  const freeze = createPause(() => familyOf(server.pid));
  try {
    await resetStock(server.url, 1, 1_000_000);
    const target = targetOf(server.url);
    let answers = 0;
    const loop = await OpenLoop.open(target, 8, purchases(target, { onAnswer: () => answers++ }));
    const running = loop.run({ durationMs: 3_500, ratePerS: 400 });
    await until(() => answers > 100);
    freeze.pause();
    await Bun.sleep(FROZEN_MS);
    freeze.resume();
    const { offered, requests, latency, rawLatency, lateness, errors } = await running;
    loop.close();
    expect(errors).toEqual({});
    expect(requests).toBe(offered);
    expect(offered).toBeWithin(1_200, 1_600);
    expect(latency.percentileMs(99)).toBeGreaterThan(0.8 * FROZEN_MS);
    expect(rawLatency.percentileMs(99)).toBeLessThan(0.25 * FROZEN_MS);
    // The eight requests that were under way are the slowest of both.
    expect(rawLatency.percentileMs(100)).toBeGreaterThan(0.8 * FROZEN_MS);
    // Waiting for the server is not the generator's fault.
    expect(lateness.percentileMs(99)).toBeLessThan(0.25 * FROZEN_MS);
  } finally {
    freeze.resume();
    await server.kill();
  }
});

test('requests go out at the rate asked for, each from another buyer', async () => {
  const seen = new Set<string>();
  const target = serverThat(() => new Response('{}'));
  const request = purchaseRequest(target, { path: SYNC_PURCHASE, productId: 1, quantity: 1, seed: 1 });
  const loop = await OpenLoop.open(target, 16, {
    request: (n) => {
      const bytes = request(n);
      seen.add(Buffer.from(bytes).toString());
      return bytes;
    },
    expectStatus: 200,
  });
  const slices = [];
  for (const ratePerS of [500, 1_000]) slices.push(await loop.run({ durationMs: 500, ratePerS }));
  loop.close();
  const [slow, fast] = slices as [(typeof slices)[0], (typeof slices)[0]];
  // Poisson: the standard deviation of 250 is 16, of 500 is 22.
  expect(slow.offered).toBeWithin(170, 330);
  expect(fast.offered).toBeWithin(390, 610);
  expect([slow.requests, fast.requests]).toEqual([slow.offered, fast.offered]);
  expect(seen.size).toBe(slow.offered + fast.offered);
});

test('what a busy generator adds is told as its own lateness', async () => {
  const target = serverThat(() => new Response('{}'));
  const busy = (untilMs: number) => {
    while (performance.now() < untilMs) {
      // Nothing is sent or noticed meanwhile.
    }
  };
  let isBusy = false;
  const onAnswer = () => {
    if (isBusy) return;
    isBusy = true;
    busy(performance.now() + 200);
  };
  const loop = await OpenLoop.open(target, 16, purchases(target, { onAnswer }));
  const { lateness, latency } = await loop.run({ durationMs: 500, ratePerS: 500 });
  loop.close();
  expect(lateness.percentileMs(90)).toBeGreaterThan(50);
  expect(latency.percentileMs(90)).toBeGreaterThan(50);
});

test('other statuses and lost connections are errors, counted by their kind', async () => {
  let asked = 0;
  const target = serverThat(() => new Response('{}', { status: asked++ % 2 === 0 ? 200 : 503 }));
  const loop = await OpenLoop.open(target, 4, purchases(target));
  const { requests, offered, errors } = await loop.run({ durationMs: 200, ratePerS: 500 });
  expect(requests + errors['503']!).toBe(offered);
  expect(Math.abs(requests - errors['503']!)).toBeLessThanOrEqual(1);
  const running = loop.run({ durationMs: 200, ratePerS: 500 });
  void servers[0]!.stop(true);
  servers[0] = Bun.serve({ hostname: '127.0.0.1', port: target.port, fetch: () => new Response('{}') });
  const cut = await running;
  loop.close();
  const lost = Object.values(cut.errors).reduce((sum, count) => sum + count, 0);
  expect(cut.requests + lost).toBe(cut.offered);
});
