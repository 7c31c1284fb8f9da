import { afterAll, beforeAll, expect, test } from 'bun:test';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import type { Purchase } from '../../domain/purchase.ts';

/** What is sold for nobody: by the real functions, in transactions that are rolled back. */

const PRODUCT = { id: 1_000_000_001, name: 'Warm-up', priceMinor: 1, currency: 'USD', units: 10 };
const POOL_SIZE = 4;

onDistributedBackends(() => {
  let own: Awaited<ReturnType<typeof ownDatabase>>;
  let opened: Awaited<ReturnType<typeof openLedger>>;
  beforeAll(async () => {
    own = await ownDatabase();
    opened = await openLedger(own.url, { poolSize: POOL_SIZE });
  });
  afterAll(async () => {
    await opened.ledger.close();
    await own.close();
  });

  let lastId = PRODUCT.id;
  const scratch = () => opened.openScratch([PRODUCT], () => ++lastId);

  test('sells to who has it, and nobody else sees it, then or later', async () => {
    const sells = await scratch();
    const { outcomes } = await sells.decide([purchase(3), purchase(4), purchase(4)]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['reserved', 'reserved', 'refused']);
    expect(await sells.product(PRODUCT.id)).toMatchObject({ reserved: 7, version: 2 });
    expect(await opened.ledger.product(PRODUCT.id)).toBeUndefined();
    await sells.leave();
    for (const table of ['products', 'generations', 'orders', 'keys', 'outcomes'])
      expect(await sql(own.url, `SELECT * FROM ${table}`)).toEqual([]);
  });

  test('opens every connection of the pool, and gives each back', async () => {
    const sells = await scratch();
    await sells.leave();
    const [row] = await sql<{ count: number }>(
      own.url,
      `SELECT count(*)::int, count(*) FILTER (WHERE state <> 'idle')::int AS busy FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    expect(row).toMatchObject({ count: POOL_SIZE, busy: 0 });
  });

  test('leaves the pool usable when it was taken away meanwhile', async () => {
    const sells = await scratch();
    await sql(
      own.url,
      `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
       WHERE datname = current_database() AND state = 'idle in transaction'`,
    );
    await expect(sells.leave()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await opened.ledger.products()).toEqual([]);
  });
});

function purchase(quantity: number): Purchase {
  return {
    id: Bun.randomUUIDv7(),
    productId: PRODUCT.id,
    quantity,
    customer: 'nobody',
    expectedPriceMinor: null,
    channel: 'sync',
    key: null,
    acceptedAt: 0,
    decideBy: Number.MAX_SAFE_INTEGER,
    refusal: null,
  };
}
