import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { distributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { until } from '../../../tests/support/until.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import type { Purchase } from '../../domain/purchase.ts';
import type { Ledger } from '../../ports/ledger.ts';

const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now);
const HOUR_MS = 3_600_000;

let url: string;
let ledger: Ledger;
const opened = new AsyncDisposableStack();

function purchase(changes: Partial<Purchase> = {}): Purchase {
  const { channel = 'sync' } = changes;
  return {
    id: ids.mint(channel),
    productId: 1,
    quantity: 1,
    customer: null,
    channel,
    key: null,
    acceptedAt: Date.now(),
    decideBy: Date.now() + HOUR_MS,
    refusal: null,
    expectedPriceMinor: null,
    ...changes,
  };
}

const kindOf = (outcome: unknown) => {
  const { kind, code } = outcome as { kind: string; code?: string };
  return code ?? kind;
};

describe.skipIf(!distributedBackends)('final refusals in PostgreSQL', () => {
  beforeAll(async () => {
    const database = await ownDatabase();
    opened.defer(database.close);
    url = database.url;
    ({ ledger } = await openLedger(url));
    opened.defer(() => ledger.close());
    await ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 1_000 }]);
  }, 60_000);
  afterAll(() => opened.disposeAsync(), 60_000);

  test('a purchase whose time ends in the middle of a batch takes none of its neighbours with it', async () => {
    const known = purchase({ channel: 'async' });
    await ledger.decide([known]);
    // Each look at the clock is 10 ms after the one before.
    await sql(
      url,
      `CREATE SEQUENCE ticks; CREATE FUNCTION real_now() RETURNS bigint LANGUAGE sql VOLATILE AS
       $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;
       CREATE OR REPLACE FUNCTION pulsecart_now() RETURNS bigint LANGUAGE sql VOLATILE AS
       $$ SELECT ${Date.now() + 60_000} + 10 * nextval('ticks') $$`,
    );
    try {
      for (let ahead = 0; ahead < 8; ahead++) {
        const [row] = await sql<{ now: string }>(url, 'SELECT pulsecart_now() AS now');
        const old = purchase({ channel: 'async', decideBy: Number(row!.now) + 10 * ahead + 5 });
        const young = purchase({ channel: 'async' });
        const { outcomes } = await ledger.decide([old, young, known]);
        expect([ahead, ...outcomes.slice(1).map(kindOf)]).toEqual([ahead, 'reserved', 'reserved']);
      }
    } finally {
      await sql(
        url,
        'CREATE OR REPLACE FUNCTION pulsecart_now() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT real_now() $$',
      );
    }
  }, 60_000);

  test('a statement that arrives late does not sell to a purchase that has been ended', async () => {
    const { id } = purchase();
    await ledger.conclude({ id, channel: 'sync', decideBy: 0 });
    await sql(url, 'SELECT pulsecart_sell(false, $1, $2, $3, $4, NULL, NULL, $5, NULL)', [
      [1],
      [1],
      [1],
      [id],
      id,
    ]);
    expect((await ledger.find([id])).get(id)).toMatchObject({ kind: 'refused', code: 'too_old' });
    expect(await sql(url, 'SELECT id FROM orders WHERE id = $1', [id])).toEqual([]);
  });

  test('a sync purchase that nobody disturbed looks at the small index alone, and its refusal writes nothing', async () => {
    const own = await ownDatabase();
    const { ledger: undisturbed } = await openLedger(own.url, { poolSize: 1 });
    await undisturbed.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 3 }]);
    const buy = async () => kindOf((await undisturbed.decide([purchase()])).outcomes[0]);
    // Planned while the table is empty, and kept by the session.
    expect(await buy()).toBe('reserved');
    await sql(
      own.url,
      `INSERT INTO outcomes (purchase_id, product_id, available, decided_at, quantity, code) SELECT gen_random_uuid(), 1, 0, 0, 1, 'sold_out' FROM generate_series(1, 20000)`,
    );
    expect([await buy(), await buy()]).toEqual(['reserved', 'reserved']);
    await undisturbed.close();
    // A session tells its figures when it ends.
    let looks = { small: 0, large: 0 };
    await until(async () => {
      const text = `SELECT pg_stat_get_numscans('outcomes_sync'::regclass)::int AS small,
        pg_stat_get_numscans('outcomes_pkey'::regclass)::int AS large`;
      [looks] = (await sql<typeof looks>(own.url, text)) as [typeof looks];
      return looks.small > 0;
    });
    expect(looks).toEqual({ small: 3, large: 0 });

    const again = await openLedger(own.url);
    expect((await again.ledger.decide([purchase()])).outcomes.map(kindOf)).toEqual(['sold_out']);
    expect(await sql(own.url, 'SELECT FROM outcomes WHERE sync')).toEqual([]);
    expect(await sql(own.url, 'SELECT FROM key_refusals')).toEqual([]);
    await again.ledger.close();
    await own.close();
  }, 60_000);
});
