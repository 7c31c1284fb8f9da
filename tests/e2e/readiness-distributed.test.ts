import { describe, expect, test } from 'bun:test';
import { distributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { sql } from '../support/postgres-ledger.ts';
import { askWithoutPause, saysEverywhere } from '../support/readiness.ts';
import { eventually } from '../support/shop.ts';

const BODY = { productId: 1, quantity: 1 };
const ASKED_FOR_MS = 3_000;

describe.skipIf(!distributedBackends)('PostgreSQL', () => {
  test('P6 readiness says no while nobody can write to the products, and yes when it can', async () => {
    await using shop = await openDistributedShop();
    await eventually(() => saysEverywhere(shop, 200));
    {
      await using _held = await shop.holdWrites();
      await eventually(() => saysEverywhere(shop, 503));
    }
    await eventually(() => saysEverywhere(shop, 200));
    expect((await shop.buy('sync', BODY)).status).toBe(200);
  }, 60_000);

  test('P6 readiness says no while the database has no room for orders, and yes when it has', async () => {
    await using shop = await openDistributedShop();
    await eventually(() => saysEverywhere(shop, 200));
    // The server's own error, where it would come from: a new page for an order. Old pages still have room.
    await sql(
      shop.databaseUrl,
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
       CREATE TRIGGER full_disk BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION full_disk()`,
    );
    expect((await shop.buy('sync', BODY)).status).toBe(503);
    expect(await saysEverywhere(shop, 503)).toBe(true);
    await sql(shop.databaseUrl, 'DROP TRIGGER full_disk ON orders');
    await eventually(() => saysEverywhere(shop, 200));
    expect((await shop.buy('sync', BODY)).status).toBe(200);
  }, 60_000);

  test('P6 readiness that is asked for without a pause, on every path, costs one write a second', async () => {
    await using shop = await openDistributedShop();
    await saysEverywhere(shop, 200);
    const before = await probesOf(shop.databaseUrl);
    const { seconds } = await askWithoutPause(shop, ASKED_FOR_MS);
    const probes = (await probesOf(shop.databaseUrl)) - before;
    expect(probes).toBeGreaterThanOrEqual(2);
    expect(probes).toBeLessThanOrEqual(seconds + 1);
  }, 60_000);
});

/** Each probe counts itself; that is what it writes. */
async function probesOf(url: string): Promise<number> {
  const [row] = await sql<{ count: string | null }>(
    url,
    "SELECT sum(value) AS count FROM counters WHERE name = 'probes'",
  );
  return Number(row?.count ?? 0);
}
