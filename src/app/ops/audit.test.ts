import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPurchaseFixture, type PurchaseFixture } from '../../../tests/support/purchase-fixture.ts';
import { openSqliteBooks } from '../../adapters/sqlite/ledger/books.ts';
import type { Verdict } from '../../domain/verdict.ts';
import { audit } from './audit.ts';

/** Product 1: a limited sale in its second round with orders in every state, on both paths. */
let fixture: PurchaseFixture;
let orders: { reserved: string; charging: string; paid: string; declined: string; old: string };

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 10, perCustomerLimit: 3 });
  const buy = async (customer: string, changes = {}) => {
    const request = fixture.purchase({ customer, quantity: 2, ...changes });
    await fixture.real.decide([request]);
    return request.id;
  };
  const old = await buy('old');
  await fixture.real.reset(1, 10);
  const key = { scope: 'sync:customer:ann', value: 'k', fingerprint: 'f' };
  orders = {
    old,
    reserved: await buy('ann', { key }),
    charging: await buy('bob', { channel: 'async', acceptedAt: fixture.clock() }),
    paid: await buy('cy'),
    declined: await buy('di'),
  };
  await buy('eve', { channel: 'async', acceptedAt: fixture.clock(), quantity: 4 });
  await fixture.real.lease([orders.charging, orders.paid, orders.declined], 60_000);
  await fixture.real.settle([
    { orderId: orders.paid, attempt: 1, leases: 1, result: { type: 'captured', providerId: 'p' } },
    { orderId: orders.declined, attempt: 1, leases: 1, result: { type: 'declined', reason: 'no money' } },
  ]);
});
afterEach(() => fixture.close());

async function verdicts(): Promise<Verdict[]> {
  return audit(await openSqliteBooks(fixture.store, fixture.clock).read());
}

async function red(): Promise<string[]> {
  return (await verdicts()).filter(({ pass }) => !pass).map(({ name }) => name);
}

async function moneyVerdict(): Promise<Verdict> {
  return (await verdicts()).find(({ name }) => name === 'captured less refunded equals paid')!;
}

/** Writes what the ledger never would. Constraints are off, as they would be in a book that was tampered with. */
function plant(sql: string): void {
  fixture.store.db.run('PRAGMA ignore_check_constraints = ON');
  expect(fixture.store.db.run(sql).changes).toBeGreaterThan(0);
}

test('books that balance pass every verdict, and say what they counted', async () => {
  expect(await red()).toEqual([]);
  expect(await verdicts()).toContainEqual({
    name: 'no oversell of product 1',
    pass: true,
    detail: '12 = 2 sold + 6 reserved + 4 available',
  });
  expect(await verdicts()).toContainEqual({
    name: 'every async decision is counted once',
    pass: true,
    detail: '2 counted, 2 found',
  });
  expect(await moneyVerdict()).toEqual({
    name: 'captured less refunded equals paid',
    pass: true,
    detail: 'captured 2.00 − refunded 0.00 − on its way back 0.00 = paid 2.00 USD',
  });
});

test('money is followed until it is back', async () => {
  const refund = { actor: 'grace', subject: `order/${orders.paid}`, reason: 'r', details: {} };
  await fixture.real.refund(orders.paid, { id: Bun.randomUUIDv7(), ...refund, action: 'order.refund' });
  expect((await moneyVerdict()).detail).toBe(
    'captured 2.00 − refunded 0.00 − on its way back 2.00 = paid 0.00 USD',
  );
  await fixture.real.settleRefunds([{ orderId: orders.paid, attempt: 1 }]);
  expect((await moneyVerdict()).detail).toBe(
    'captured 2.00 − refunded 2.00 − on its way back 0.00 = paid 0.00 USD',
  );
  expect(await red()).toEqual([]);
  plant(`UPDATE payments SET status = 'declined' WHERE status = 'refunded'`);
  expect(await red()).toEqual(['every refunded order sent money back']);
});

/** What is planted, and the verdicts that must turn red: those and no others. */
const BREACHES: [planted: string, sql: () => string, red: string[]][] = [
  [
    'more units taken than there are',
    () => 'UPDATE products SET total = 7',
    ['no oversell of product 1', 'free units equal what the generation has left'],
  ],
  [
    'a counter that says less than its orders',
    () => 'UPDATE products SET reserved = reserved - 1, total = total - 1',
    ['counters equal the orders behind them'],
  ],
  [
    'a counter that says more than its orders',
    () => 'UPDATE products SET sold = sold + 1, total = total + 1',
    ['counters equal the orders behind them'],
  ],
  [
    'a round that sold more than its units',
    () => 'UPDATE generations SET units = 1 WHERE generation = 1',
    ['no generation sold more than its units'],
  ],
  [
    'units that came from nowhere',
    () => 'UPDATE products SET total = total + 1',
    ['free units equal what the generation has left'],
  ],
  [
    'a decision counted twice',
    () => "UPDATE counters SET value = value + 1 WHERE name = 'async_decided'",
    ['every async decision is counted once'],
  ],
  [
    'an order of no product',
    () => `UPDATE orders SET product_id = 9 WHERE id = '${orders.declined}'`,
    ['every order has its product'],
  ],
  [
    'a number given twice',
    () => `UPDATE orders SET number = 1 WHERE id = '${orders.declined}'`,
    ['order numbers are unique per product'],
  ],
  [
    'a hold that nobody ended',
    () => `UPDATE orders SET expires_at = 1 WHERE id = '${orders.reserved}'`,
    ['no hold is overdue'],
  ],
  [
    'a limit that was broken',
    () => 'UPDATE products SET per_customer_limit = 1',
    ['no customer is above the limit'],
  ],
  [
    'a holding that forgot an order',
    () => `UPDATE holdings SET units = 0 WHERE customer = 'ann'`,
    ['holdings equal the orders behind them'],
  ],
  [
    'a holding that is gone',
    () => `DELETE FROM holdings WHERE customer = 'ann'`,
    ['holdings equal the orders behind them'],
  ],
  [
    'a purchase that was refused and granted',
    () => `UPDATE outcomes SET purchase_id = '${orders.charging}'`,
    ['no purchase has two outcomes'],
  ],
  [
    'a key that leads nowhere',
    () => `UPDATE keys SET purchase_id = 'nobody'`,
    ['every idempotency key leads to its order'],
  ],
  [
    'a paid order without money',
    () => `DELETE FROM payments WHERE order_id = '${orders.paid}'`,
    ['every paid order was captured', 'captured less refunded equals paid'],
  ],
  [
    'money without a paid order',
    () => `UPDATE payments SET status = 'captured' WHERE order_id = '${orders.declined}'`,
    ['every capture has its paid order', 'captured less refunded equals paid'],
  ],
  [
    'an order that paid twice',
    () =>
      `INSERT INTO payments SELECT order_id, 2, amount_minor, currency, status, 'p2', NULL, 0, 0, NULL, 0 FROM payments
       WHERE order_id = '${orders.paid}'`,
    ['no order was captured twice', 'captured less refunded equals paid'],
  ],
  [
    'a charge of a wrong amount',
    () => `UPDATE payments SET amount_minor = amount_minor - 1 WHERE order_id = '${orders.paid}'`,
    ['every charge has the exact amount', 'captured less refunded equals paid'],
  ],
  [
    'a charge in another currency',
    () => `UPDATE payments SET currency = 'EUR' WHERE order_id = '${orders.paid}'`,
    ['captured less refunded equals paid'],
  ],
  [
    'money that went back although its order is paid',
    () => `UPDATE payments SET status = 'refunded' WHERE order_id = '${orders.paid}'`,
    ['every paid order was captured', 'captured less refunded equals paid'],
  ],
  [
    'an order that waits for money which nobody sends back',
    () => `UPDATE orders SET status = 'returning' WHERE id = '${orders.declined}'`,
    ['every order that owes money sends it'],
  ],
  [
    'an order refunded without money',
    () => `UPDATE orders SET status = 'refunded' WHERE id = '${orders.declined}'`,
    ['every refunded order sent money back'],
  ],
];

test.each(BREACHES)('%s is found, and nothing else is blamed', async (_, sql, expected) => {
  plant(sql());
  expect(await red()).toEqual(expected);
});

test('a breach names the rows that are wrong, a few of them', async () => {
  plant(`UPDATE keys SET purchase_id = 'nobody'`);
  const verdict = (await verdicts()).find(({ name }) => name === 'every idempotency key leads to its order');
  expect(verdict!.detail).toBe('1: sync:customer:ann/k');
  plant('UPDATE payments SET amount_minor = 1');
  const amounts = (await verdicts()).find(({ name }) => name === 'every charge has the exact amount');
  expect(amounts!.detail).toStartWith('3: ');
});

test('every breach that the books look for is planted here', async () => {
  const planted = new Set(BREACHES.flatMap(([, , names]) => names));
  expect((await verdicts()).map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([]);
});
