import { expect, test } from 'bun:test';
import { onProductionEngines, ownDatabase } from '../../../test/support/engines.ts';
import { openLedger, sql } from '../../../test/support/postgres-ledger.ts';
import { audit } from '../../app/ops/audit.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { openPostgresBooks } from './books.ts';
import tables from './migrations/0001-tables.sql' with { type: 'text' };
import decide from './migrations/0002-decide.sql' with { type: 'text' };
import settle from './migrations/0003-settle.sql' with { type: 'text' };
import keys from './migrations/0004-keys.sql' with { type: 'text' };
import operations from './migrations/0005-operations.sql' with { type: 'text' };

/** A database of an older PulseCart is brought up to date with what is in it, beside processes that go on using it. */

const UNITS = 10;

onProductionEngines(() => {
  test('orders of before money could go back end like others, also those of a process that is still the old one', async () => {
    const { url, close } = await ownDatabase();
    for (const migration of [tables, decide, settle, keys, operations]) await sql(url, migration);
    await sql(url, 'CREATE TABLE pulsecart_schema AS SELECT 5 AS version');
    await sql(url, PRODUCT);
    const old = oldProcess(url);
    const ids = await old.buy(5);
    const [paid, expired, charging, waiting, late] = ids as [string, string, string, string, string];
    await old.charge(paid, 'captured');
    await old.charge(expired, 'give_up');
    await old.lease(charging);

    const { ledger } = await openLedger(url);
    const refund = { id: Bun.randomUUIDv7(), actor: 'a', action: 'order.refund', subject: 's' } as const;
    await ledger.refund(paid, { ...refund, reason: null, details: {} });
    await ledger.captureLate([{ orderId: expired, attempt: 1, providerId: 'p' }]);
    await ledger.cancel(waiting, {});
    // The old one takes its charge to the end, sells on, and expires what is overdue.
    await old.settle(charging, 'captured');
    const [another] = await old.buy(1);
    await sql(url, `UPDATE orders SET expires_at = created_at WHERE id = '${late}'`);
    await old.expire();

    await ledger.settleRefunds([{ orderId: paid, attempt: 1 }]);
    const statusOf = async (id: string) => (await ledger.order(id))!.order.status;
    expect(await Promise.all([...ids, another!].map(statusOf))).toEqual(ENDS);
    expect(await ledger.product(1)).toMatchObject({ total: UNITS, reserved: 1, sold: 2 });
    const opened = await openPostgresBooks(url);
    expect(audit(await opened.books.read()).filter(({ pass }) => !pass)).toEqual([]);
    await opened.close();
    await ledger.close();
    await close();
  });
});

const ENDS: OrderStatus[] = ['refunded', 'paid', 'paid', 'cancelled', 'expired', 'reserved'];

const PRODUCT = `
  INSERT INTO products (id, name, price_minor, currency, total, per_customer_limit, hold_seconds)
    VALUES (1, 'A thing', 7, 'USD', ${UNITS}, ${UNITS}, 600);
  INSERT INTO generations (product_id, started_at, generation, units) VALUES (1, 0, 1, ${UNITS})`;

/** What the release before asks the database. */
function oldProcess(url: string) {
  const old = {
    async buy(count: number): Promise<string[]> {
      const ids = Array.from({ length: count }, () => Bun.randomUUIDv7());
      const text = 'SELECT pulsecart_sell(false, $1, $2, $3, $4, NULL, $5)';
      await sql(url, text, [[1], [count], [count], ids, ids.map(() => 'ann')]);
      return ids;
    },
    async lease(id: string): Promise<void> {
      await sql(url, 'SELECT id FROM pulsecart_lease($1, 60000)', [[id]]);
    },
    async settle(id: string, event: string): Promise<void> {
      const text = 'SELECT product_id, version, available FROM pulsecart_settle($1, $2, $3, $4, $5, $6)';
      expect(await sql(url, text, [[id], [1], [1], [event], ['p'], [null]])).toHaveLength(1);
    },
    async charge(id: string, event: string): Promise<void> {
      await old.lease(id);
      await old.settle(id, event);
    },
    async expire(): Promise<void> {
      const text = 'SELECT product_id, version, available, orders FROM pulsecart_expire(100)';
      expect(await sql(url, text)).toMatchObject([{ orders: 1 }]);
    },
  };
  return old;
}
