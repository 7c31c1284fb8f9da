import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audit } from '../../app/ops/audit.ts';
import { openSqliteBooks } from './ledger/books.ts';
import { slotOf } from './ledger/slot.ts';
import { openSqliteLedger } from './ledger.ts';
import theHouse from './migrations/0001-the-house.sql' with { type: 'text' };
import countsAndDuties from './migrations/0002-counts-and-duties.sql' with { type: 'text' };
import operations from './migrations/0003-operations.sql' with { type: 'text' };
import { openStore } from './store.ts';

/** A data folder of an older PulseCart is brought up to date with what is in it. */

const NOW_MS = Date.UTC(2027, 0, 1);
const ids = {
  paid: '01941f29-7c00-7005-8000-000000000001',
  charging: '01941f29-7c00-7009-8000-000000000002',
  expired: '01941f29-7c00-700d-8000-000000000003',
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pulsecart-migrations-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('orders and payments of before money could go back are kept, and end like others', async () => {
  const file = new Database(join(folder, 'pulsecart.db'), { create: true });
  for (const migration of [theHouse, countsAndDuties, operations]) file.run(migration);
  file.run('PRAGMA user_version = 3');
  file.run(ORDERS_OF_BEFORE);
  file.close();

  const store = openStore(folder);
  const ledger = openSqliteLedger(store, () => NOW_MS);
  try {
    const paymentOf = async (id: string) => (await ledger.order(id))!.payments[0];
    expect(await paymentOf(ids.paid)).toEqual({
      attempt: 1,
      amountMinor: 14,
      currency: 'USD',
      status: 'captured',
      providerId: 'p-1',
      reason: null,
      createdAt: 5,
      updatedAt: 6,
    });
    expect(await paymentOf(ids.expired)).toMatchObject({ status: 'cancelled', reason: 'no answer' });

    const refund = { id: Bun.randomUUIDv7(), actor: 'a', action: 'order.refund', subject: 's' } as const;
    await ledger.refund(ids.paid, { ...refund, reason: null, details: {} });
    await ledger.settleRefunds([{ orderId: ids.paid, attempt: 1 }]);
    await ledger.captureLate([{ orderId: ids.expired, attempt: 1, providerId: 'p-3' }]);
    const result = { type: 'captured', providerId: 'p-2' } as const;
    await ledger.settle([{ orderId: ids.charging, attempt: 1, leases: 1, result }]);
    const statuses = Object.values(ids).map(async (id) => (await ledger.order(id))!.order.status);
    expect(await Promise.all(statuses)).toEqual(['refunded', 'paid', 'paid']);
    expect(await ledger.product(1)).toMatchObject({ total: 10, reserved: 0, sold: 4 });
    const verdicts = audit(await openSqliteBooks(store, () => NOW_MS).read());
    expect(verdicts.filter(({ pass }) => !pass)).toEqual([]);
  } finally {
    store.close();
  }
});

const columns =
  'slot, id, product_id, generation, number, customer, quantity, price_minor, currency, channel, status';
const ORDERS_OF_BEFORE = `
  INSERT INTO products (id, name, price_minor, currency, total, reserved, sold, hold_seconds, last_number)
    VALUES (1, 'A thing', 7, 'USD', 10, 2, 2, 600, 3);
  INSERT INTO generations VALUES (1, 1, 10, 0);
  INSERT INTO orders (${columns}, remaining, created_at, expires_at, attempts, leases, lease_until, updated_at, open)
    VALUES ${[
      [ids.paid, 'paid', 0],
      [ids.charging, 'charging', 1],
      [ids.expired, 'expired', 0],
    ]
      .map(
        ([id, status, open], i) =>
          `(${slotOf(id as string)}, '${id}', 1, 1, ${i + 1}, 'ann', 2, 7, 'USD', 'sync', '${status}',
            0, 4, ${NOW_MS + 600_000}, 1, 1, 0, 6, ${open})`,
      )
      .join()};
  INSERT INTO payments VALUES
    ('${ids.paid}', 1, 14, 'USD', 'captured', 'p-1', NULL, 5, 6),
    ('${ids.charging}', 1, 14, 'USD', 'pending', NULL, NULL, 5, 5),
    ('${ids.expired}', 1, 14, 'USD', 'cancelled', NULL, 'no answer', 5, 6);`;
