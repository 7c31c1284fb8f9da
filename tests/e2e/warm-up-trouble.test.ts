import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { PrivateBackends } from '../../bench/services/private-backend.ts';
import { startPrivateBackends } from '../../bench/services/private-backends.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';
import { tinyDisk, whyNoTinyDisk } from '../support/tiny-disk.ts';
import { expectNothingSold, GIVEN_UP, linesOf, ON, said, warmUps } from '../support/warm-ups.ts';

/** What fails while a server warms up costs it the warm-up: it starts all the same, it sells, and nothing of the warm-up stays. */

const TIMEOUT_MS = 120_000;

/** Full before; with room for no store; with room for one and a few sales. */
const DISKS = [
  { kib: 64, isFull: true },
  { kib: 64, isFull: false },
  { kib: 320, isFull: false },
];

test.skipIf(whyNoTinyDisk !== null)(
  'a full disk ends a warm-up and not the start',
  async () => {
    for (const { kib, isFull } of DISKS) {
      await using disk = await tinyDisk(kib);
      const others = isFull ? ['other'] : [];
      for (const name of others) fill(join(disk.path, name));
      await using shop = await openShop({ ...ON, TMPDIR: disk.path });
      const messages = linesOf(shop).map(({ msg }) => msg);
      expect(messages).toEqual([GIVEN_UP, expect.stringMatching(/^operators: /), 'ready']);
      // On a busy machine the time is up first, and the folder goes later.
      await eventually(() => readdirSync(disk.path).join() === others.join());
      await expectNothingSold(shop);
      await expectSells(shop);
    }
  },
  TIMEOUT_MS,
);

onDistributedBackends(() => {
  let backends: PrivateBackends;
  beforeAll(async () => {
    backends = await startPrivateBackends();
  }, TIMEOUT_MS);
  afterAll(() => backends.close(), TIMEOUT_MS);

  const moments = {
    'before it has a transaction': async () => true,
    'while it sells': async () => (await inTransactions(backends)) > 0,
  };
  for (const [moment, isNow] of Object.entries(moments)) {
    test(
      `a PostgreSQL that freezes during a warm-up, ${moment}, does not hold up the start`,
      () =>
        expectWarmUpSurvives(async ({ isWarmingUp, ready }) => {
          await eventually(async () => isWarmingUp() && (await isNow()));
          backends.postgres.pause();
          const shop = await ready.finally(backends.postgres.resume);
          expect(said(shop, GIVEN_UP)).toBe(1);
        }),
      TIMEOUT_MS,
    );
  }

  test(
    'a Redis that forgets everything during a warm-up, again and again, does not hold up the start',
    () =>
      expectWarmUpSurvives(async ({ isWarmingUp, ready }) => {
        const redis = new Redis(backends.redis.url);
        let flushes = 0;
        await eventually(isWarmingUp);
        await eventually(async () => {
          await redis.flushall();
          flushes++;
          return !isWarmingUp();
        });
        redis.disconnect();
        expect(flushes).toBeGreaterThan(FLUSHES_MIN);
        expect(warmUps(await ready)).toBe(1);
      }),
    TIMEOUT_MS,
  );

  /** Of a server with tables of its own, and a scratch folder in `memory`. */
  async function expectWarmUpSurvives(strike: (start: Start) => Promise<void>): Promise<void> {
    using memory = temporaryFolder();
    const isWarmingUp = () => readdirSync(memory.path).length > 0;
    const env = {
      ...ON,
      TMPDIR: memory.path,
      PULSECART_NAMESPACE: `test_${Bun.randomUUIDv7('hex').slice(-8)}`,
    };
    const ready = openDistributedShop({ backends: backends.env, env });
    await strike({ isWarmingUp, ready });
    await using shop = await ready;
    await eventually(async () => !isWarmingUp() && (await inTransactions(backends)) === 0);
    await expectNothingSold(shop);
    await expectSells(shop);
  }
});

interface Start {
  isWarmingUp(): boolean;
  readonly ready: Promise<DistributedShop>;
}

const FLUSHES_MIN = 10;

/** A file that leaves nothing free. */
function fill(file: string): void {
  expect(() => writeFileSync(file, new Uint8Array(1_048_576))).toThrow('ENOSPC');
}

async function expectSells(shop: Shop): Promise<void> {
  await eventually(async () => (await shop.buy('sync', { productId: 1, quantity: 1 })).status === 200);
  expect((await shop.readBooks()).breaches).toEqual([]);
}

/** Sessions in a transaction that is under way. */
async function inTransactions({ postgres }: PrivateBackends): Promise<number> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const { rows } = await client.query(`
      SELECT count(*)::int AS n FROM pg_stat_activity WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'`);
    return rows[0].n;
  } finally {
    await client.end();
  }
}
