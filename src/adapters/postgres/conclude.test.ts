import { expect, test } from 'bun:test';
import { Client } from 'pg';
import { distributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { until } from '../../../tests/support/until.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';

const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now);

test.skipIf(!distributedBackends)(
  'P2 an outcome never changes: a purchase whose order is being committed is not ended, and one that comes later is refused',
  async () => {
    const { url, close } = await ownDatabase();
    const { ledger } = await openLedger(url);
    await ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 10 }]);
    const purchase = (decideBy: number) =>
      ({
        id: ids.mint('async'),
        productId: 1,
        quantity: 1,
        customer: null,
        channel: 'async',
        key: null,
        acceptedAt: Date.now(),
        decideBy,
        refusal: null,
        expectedPriceMinor: null,
      }) as const;
    const slow = purchase(Date.now());
    const somebody = new Client({ connectionString: url });
    await somebody.connect();
    // As a worker decides it that minds no time, and whose disk stands still at the commit.
    await somebody.query('BEGIN');
    await somebody.query('SELECT pulsecart_sell(true, $1, $2, $3, $4, NULL, NULL, $5, NULL)', [
      [1],
      [1],
      [1],
      [slow.id],
      slow.id,
    ]);
    await expect(ledger.conclude(slow)).rejects.toMatchObject({ code: 'unavailable' });
    expect((await ledger.find([slow.id])).size).toBe(0);
    await somebody.query('COMMIT');
    await ledger.conclude(slow);
    expect((await ledger.find([slow.id])).get(slow.id)).toMatchObject({ kind: 'order' });

    // A transaction that looked at the time before it was over, and stood still before it made its order.
    const late = purchase(Date.now() + 60_000);
    await somebody.query('BEGIN; SELECT FROM products WHERE id = 1 FOR UPDATE');
    const deciding = ledger.decide([late]).catch((error) => error);
    await sql(url, 'SELECT pulsecart_conclude($1, true, 0)', [late.id]);
    await somebody.query('COMMIT');
    expect((await deciding).outcomes).toMatchObject([{ kind: 'refused', code: 'too_old' }]);
    expect(await ledger.product(1)).toMatchObject({ reserved: 1 });

    await somebody.end();
    await ledger.close();
    await close();
  },
  60_000,
);

test.skipIf(!distributedBackends)(
  'P2 an outcome never changes: a transaction that stood still past the time of its purchase is broken off',
  async () => {
    const { url, close } = await ownDatabase();
    const { ledger } = await openLedger(url);
    await ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 10 }]);
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query('BEGIN');
    await expect(client.query('SELECT pulsecart_in_time(pulsecart_now())')).rejects.toMatchObject({
      code: '40001',
    });
    await client.query('ROLLBACK');
    await client.query('SELECT pulsecart_in_time(pulsecart_now() + 60000), pulsecart_in_time(NULL)');
    await client.end();
    await ledger.close();
    await close();
  },
  60_000,
);

test.skipIf(!distributedBackends)(
  'P2 an outcome never changes: nor when the reader who ends a purchase allows it less time than who decides it',
  async () => {
    const { url, close } = await ownDatabase();
    const { ledger } = await openLedger(url);
    const { ledger: reader } = await openLedger(url);
    await ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 100 }]);
    const somebody = new Client({ connectionString: url });
    await somebody.connect();
    const atTheLock = async () => {
      const text = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return (await sql(url, text)).length;
    };
    for (let round = 0; round < 20; round++) {
      const channel = round % 2 === 0 ? 'sync' : 'async';
      // A key takes the long way.
      const key = round % 4 < 2 ? null : { scope: `${channel}:a`, value: `${round}`, fingerprint: 'f' };
      const now = Date.now();
      const plain = { productId: 1, quantity: 1, customer: null, refusal: null, expectedPriceMinor: null };
      const request = {
        ...plain,
        id: ids.mint(channel),
        channel,
        key,
        acceptedAt: now,
        decideBy: now + 60_000,
      } as const;
      // Both have looked for what the other one may have done, and are about to write.
      await somebody.query('BEGIN; LOCK TABLE orders IN SHARE MODE');
      const ending = reader.conclude({ ...request, decideBy: 0 });
      await until(async () => (await atTheLock()) === 1);
      const deciding = ledger.decide([request]);
      await until(async () => (await atTheLock()) === 2);
      await somebody.query('COMMIT');
      const [{ outcomes }] = await Promise.all([deciding, ending]);
      await ledger.conclude({ ...request, decideBy: 0 });
      const rows = await sql<{ kind: string }>(
        url,
        `SELECT 'reserved' AS kind FROM orders WHERE id = $1
         UNION ALL SELECT 'refused' FROM outcomes WHERE purchase_id = $1`,
        [request.id],
      );
      expect([round, ...rows.map(({ kind }) => kind)]).toEqual([round, outcomes[0]!.kind]);
    }
    await somebody.end();
    await Promise.all([ledger.close(), reader.close()]);
    await close();
  },
  60_000,
);
