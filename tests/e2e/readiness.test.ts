import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { runPulsecart, runToEnd } from '../support/command.ts';
import { askWithoutPause, saysEverywhere } from '../support/readiness.ts';
import { eventually, openShop } from '../support/shop.ts';

/** Readiness means that it can sell: whatever is asked for health writes, and what it writes is on disk. */

const ASKED_FOR_MS = 3_000;

test('P6 readiness says no while another process holds the write lock, and yes when it lets go', async () => {
  await using shop = await openShop();
  await eventually(() => saysEverywhere(shop, 200));
  {
    await using _held = await shop.holdWrites();
    await eventually(() => saysEverywhere(shop, 503));
    expect((await shop.get('/actuator/health/liveness')).status).toBe(200);
    expect(await runPulsecart(['health', '--url', shop.url])).toEqual({
      exit: 1,
      stdout: '',
      stderr: `pulsecart: The server at ${shop.url} is not ready: OUT_OF_SERVICE, db and queue DOWN.\n`,
    });
  }
  await eventually(() => saysEverywhere(shop, 200));
  const ready = await runPulsecart(['health', '--url', shop.url]);
  expect(ready).toEqual({ exit: 0, stdout: `ready: ${shop.url}\n`, stderr: '' });
  expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
}, 60_000);

test.skipIf(process.platform !== 'linux')(
  'P6 readiness says no while nothing can be written to the log, and yes when it can',
  async () => {
    await using shop = await openShop();
    const body = { productId: 1, quantity: 1 };
    await eventually(() => saysEverywhere(shop, 200));
    await limitFiles(shop.server.pid, '1');
    await eventually(() => saysEverywhere(shop, 503));
    expect((await shop.buy('sync', body)).status).toBe(503);
    expect((await shop.get('/api/v1/sync/stock/1')).status).toBe(200);

    await limitFiles(shop.server.pid, 'unlimited');
    await eventually(() => saysEverywhere(shop, 200));
    expect((await shop.buy('sync', body)).status).toBe(200);
  },
  60_000,
);

test('P6 readiness that is asked for without a pause, on every path, costs one write a second', async () => {
  await using shop = await openShop();
  await saysEverywhere(shop, 200);
  const before = probesOf(shop.folder);
  const { seconds, asked } = await askWithoutPause(shop, ASKED_FOR_MS);
  const probes = probesOf(shop.folder) - before;
  expect(asked).toBeGreaterThan(100);
  expect(probes).toBeGreaterThanOrEqual(2);
  expect(probes).toBeLessThanOrEqual(seconds + 1);
});

/** Bytes at most in a file that the process writes; 1 is what a full disk or a quota comes to. */
async function limitFiles(pid: number, bytes: string): Promise<void> {
  const { exit, stderr } = await runToEnd(['prlimit', '--pid', `${pid}`, `--fsize=${bytes}:`]);
  expect([exit, stderr]).toEqual([0, '']);
}

/** Each probe counts itself; that is what it writes. */
function probesOf(folder: string): number {
  const db = new Database(join(folder, 'pulsecart.db'), { readonly: true });
  try {
    const row = db.query<{ value: number }, []>("SELECT value FROM counters WHERE name = 'probes'").get();
    return row?.value ?? 0;
  } finally {
    db.close();
  }
}
