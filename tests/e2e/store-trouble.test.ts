import { expect, test } from 'bun:test';
import { readBooks } from '../support/books.ts';
import { runToEnd } from '../support/command.ts';
import { holdWrites } from '../support/hold-writes.ts';
import { openShop } from '../support/shop.ts';

test('a store that cannot write is said with 503; nothing is sold, reads go on, and it heals by itself', async () => {
  await using own = await openShop();
  const body = { productId: 1, quantity: 1 };
  {
    using _held = holdWrites(own.folder);
    const [sync, async] = await Promise.all([own.buy('sync', body), own.buy('async', body)]);
    expect(sync.status).toBe(503);
    expect(sync.json).toEqual({
      success: false,
      message: expect.any(String),
      orderId: null,
      productId: 1,
      quantity: 1,
      remainingStock: 1000,
      timestamp: expect.any(String),
      code: 'unavailable',
      requestId: expect.any(String),
    });
    expect(async.status).toBe(503);
    expect(async.json).toEqual({
      accepted: false,
      message: expect.any(String),
      trackingId: null,
      productId: 1,
      quantity: 1,
      timestamp: expect.any(String),
      code: 'unavailable',
      requestId: expect.any(String),
    });
    for (const { headers } of [sync, async]) {
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
      expect(headers.get('cache-control')).toBe('no-store');
    }
    expect((await own.get('/api/v1/sync/stock/1')).json.stock).toBe(1000);
  }
  expect((await own.buy('sync', body)).status).toBe(200);
  expect((await readBooks(own.folder)).breaches).toEqual([]);
}, 60_000);

test.skipIf(process.platform !== 'linux')(
  'N6 on a full disk each purchase is refused within a second, on both ways, with and without a key; nothing is sold',
  async () => {
    await using own = await openShop();
    const body = { productId: 1, quantity: 1 };
    await own.buy('sync', body);
    await limitFiles(own.server.pid, '1');
    for (const channel of ['sync', 'async'] as const) {
      const answers = await Promise.all(
        Array.from({ length: 60 }, async (_, i) => {
          const beganAtMs = performance.now();
          const key: Record<string, string> = i % 2 === 0 ? {} : { 'Idempotency-Key': crypto.randomUUID() };
          const { status, json } = await own.buy(channel, body, key);
          expect(performance.now() - beganAtMs).toBeLessThan(1_000);
          return [status, json.code];
        }),
      );
      expect(answers).toEqual(answers.map(() => [503, 'unavailable']));
    }
    await limitFiles(own.server.pid, 'unlimited');
    expect((await own.buy('sync', body)).json).toMatchObject({ success: true, remainingStock: 998 });
    expect((await readBooks(own.folder)).breaches).toEqual([]);
  },
  60_000,
);

/** Bytes at most in a file that the process writes; 1 is what a full disk or a quota comes to. */
async function limitFiles(pid: number, bytes: string): Promise<void> {
  const { exit, stderr } = await runToEnd(['prlimit', '--pid', `${pid}`, `--fsize=${bytes}:`]);
  expect([exit, stderr]).toEqual([0, '']);
}
