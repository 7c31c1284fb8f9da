import { expect, test } from 'bun:test';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sendMadeUp } from '../../src/cli/made-up-requests.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { MACHINE, MAIN } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { scrape } from '../support/scrape.ts';
import { eventually, openShop } from '../support/shop.ts';
import { expectNothingSold, GIVEN_UP, linesOf, ON, said, WARMED_UP, warmUps } from '../support/warm-ups.ts';

/** Made-up requests before the first real one: they come in time or not at all, and nothing tells of them afterwards. */

/** What SQLite keeps for its log's index until it is garbage-collected. */
const BYTES_LEFT = 100_000;
const PLENTY = 1_000_000;
const SEND_MS = 200;
const ANSWERS = [
  ['sync', 'reserved'],
  ['sync', 'sold_out'],
  ['async', 'accepted'],
] as const;
const TIMEOUT_MS = 90_000;

test(
  'a warm-up is over before the server is ready, and leaves nothing',
  async () => {
    using memory = temporaryFolder();
    await using shop = await openShop({ ...ON, TMPDIR: memory.path });
    // A busy machine may not have the time, and then the next start has.
    await eventually(async () => {
      if (linesOf(shop).some(({ msg, requests = 0 }) => msg === WARMED_UP && requests > 100)) return true;
      await shop.restart();
      return false;
    });
    const [warm, ...others] = linesOf(shop);
    expect(warm!.msg).toBe(WARMED_UP);
    expect(others.map(({ msg }) => msg)).toEqual([expect.stringMatching(/^operators: /), 'ready']);
    expect(shop.server.messages()).toBe('');
    expect(readdirSync(memory.path)).toEqual([]);
    expect(bytesHeldIn(memory.path, shop.server.pid)).toBeLessThan(BYTES_LEFT);
    const notOfTheStore = readdirSync(shop.folder).filter((name) => !/^pulsecart\.(db|lock)/.test(name));
    expect(notOfTheStore).toEqual(['operator-token']);
    await expectNothingSold(shop);
    expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
    await shop.restart();
    expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(999);
  },
  TIMEOUT_MS,
);

test('made-up requests come to every kind of answer', async () => {
  await using shop = await openShop();
  await shop.reset(1, PLENTY);
  await shop.reset(2, 0);
  const url = new URL(shop.url);
  const products = { plenty: { id: 1 }, few: { id: 2 } };
  await eventually(async () => {
    await sendMadeUp(url, products, { untilMs: performance.now() + SEND_MS, isDecided: true });
    const { value } = await scrape(shop.url);
    const counts = ANSWERS.map(([channel, outcome]) =>
      value('pulsecart_purchases_total', { channel, outcome }),
    );
    return [...counts, value('pulsecart_bad_requests_total')].every((count) => count !== null && count > 0);
  });
});

test('a server that is told not to warm up does not', async () => {
  await using shop = await openShop({ ...ON, PULSECART_WARM_UP: 'off' });
  expect(linesOf(shop).map(({ msg }) => msg)).toEqual([expect.stringMatching(/^operators: /), 'ready']);
});

test('a warm-up that fails is logged, and the server sells', async () => {
  using folder = temporaryFolder();
  await using shop = await openShop({ ...ON, TMPDIR: join(folder.path, 'none') });
  expect(linesOf(shop)[0]).toMatchObject({ level: 40, msg: GIVEN_UP });
  expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
});

test('a server that is stopped while it warms up ends in order, and leaves nothing', async () => {
  using memory = temporaryFolder();
  using data = temporaryFolder();
  const server = Bun.spawn([process.execPath, MAIN, 'serve', '--port', '0', '--data', data.path], {
    env: { ...MACHINE, ...ON, TMPDIR: memory.path },
    stdout: 'pipe',
  });
  await eventually(() => readdirSync(memory.path).length > 0);
  server.kill('SIGTERM');
  expect(await server.exited).toBe(0);
  const messages = (await new Response(server.stdout).text()).trim().split('\n');
  expect(messages.map((line) => JSON.parse(line).msg)).toEqual(['shutting down', 'stopped']);
  expect(readdirSync(memory.path)).toEqual([]);
});

onDistributedBackends(() => {
  test(
    'each of several processes warms up, one that replaces another, too, and nothing of it is in the backends',
    async () => {
      await using shop = await openDistributedShop({ env: ON, instances: 2 });
      expect(warmUps(shop)).toBe(2);
      await expectNothingSold(shop);
      process.kill(shop.server.pid, 'SIGHUP');
      await eventually(() => said(shop, 'all instances replaced') === 1);
      expect(warmUps(shop)).toBe(4);
      expect(linesOf(shop).filter(({ level, msg }) => level > 30 && msg !== GIVEN_UP)).toEqual([]);
      await expectNothingSold(shop);
      expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    'a warm-up that a backend keeps waiting is given up',
    async () => {
      await using shop = await openDistributedShop({ env: { ...ON, PULSECART_WORKER: 'off' } });
      {
        await using _held = await shop.holdWrites();
        await shop.restart();
        expect(said(shop, GIVEN_UP)).toBe(1);
      }
      await eventually(async () => (await shop.buy('sync', { productId: 1, quantity: 1 })).status === 200);
    },
    TIMEOUT_MS,
  );
});

/** By open files, which keep their memory when they are deleted. */
function bytesHeldIn(place: string, pid: number): number {
  if (process.platform !== 'linux') return 0;
  const folder = `/proc/${pid}/fd`;
  const sizes = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(join(folder, fd)).startsWith(place) ? statSync(join(folder, fd)).size : 0;
    } catch {
      // Closed meanwhile.
      return 0;
    }
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}
