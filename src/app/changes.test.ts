import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openPaymentsFixture, UNITS } from '../../tests/support/payments-fixture.ts';
import type { AuditAction, AuditEntry } from '../domain/audit-entry.ts';
import type { Changes } from '../ports/changes.ts';

let fixture: ReturnType<typeof openPaymentsFixture>;
const published: Changes[] = [];

beforeEach(async () => {
  fixture = openPaymentsFixture();
  await fixture.open();
  published.length = 0;
  fixture.changes.subscribe({ committed: (changes) => published.push(changes) });
});
afterEach(() => fixture.close());

const operation = (action: AuditAction, subject = 'product/1'): AuditEntry => ({
  id: Bun.randomUUIDv7(),
  actor: 'grace',
  action,
  subject,
  reason: null,
  details: {},
});

/** The last change, which is the whole of what the ledger has now. */
async function expectLast(orderId: string | null, status?: string): Promise<void> {
  const last = published.at(-1)!;
  for (const product of last.products)
    expect(product).toMatchObject((await fixture.ledger.product(product.id))!);
  expect(last.orders.map(({ id }) => id)).toEqual(orderId === null ? [] : [orderId]);
  if (status) expect(last.orders[0]!.status as string).toBe(status);
}

test('every step of an order is published once, with the product as it is after it', async () => {
  const { ledger } = fixture;
  const purchase = (await fixture.reserve('ann'))[0]!;
  await ledger.lease([purchase], 30_000);
  const result = { type: 'captured', providerId: 'p' } as const;
  await ledger.settle([{ orderId: purchase, attempt: 1, leases: 1, result }]);
  await expectLast(purchase, 'paid');
  await ledger.refund(purchase, operation('order.refund', `order/${purchase}`));
  await expectLast(purchase, 'refunding');
  await ledger.settleRefunds([{ orderId: purchase, attempt: 1 }]);
  await expectLast(purchase, 'refunded');
  const [cancelled] = await fixture.reserve('bob');
  await ledger.cancel(cancelled!, { customer: 'bob' });
  await expectLast(cancelled!, 'cancelled');
  expect(published).toHaveLength(4);
});

test("operators' steps are published, refused ones with the product as it stands", async () => {
  const { ledger } = fixture;
  await ledger.changeProduct(1, { addUnits: 5 }, operation('units.add'), null);
  await expectLast(null);
  expect(published.at(-1)!.products).toMatchObject([{ total: UNITS + 5 }]);
  await ledger.reset(1, 7);
  await ledger.closeSale(1, operation('sale.drain'));
  await ledger.changeProduct(1, { addUnits: 5 }, operation('units.add'), 1);
  await expectLast(null);
  expect(published).toHaveLength(4);
});

test('a write that fails publishes nothing, and a subscriber that throws fails no write', async () => {
  fixture.changes.subscribe({
    committed() {
      throw new Error('a bug of a subscriber');
    },
  });
  const heard: Changes[] = [];
  fixture.changes.subscribe({ committed: (changes) => heard.push(changes) });
  await fixture.ledger.reset(1, 3);
  expect(heard).toHaveLength(1);
  expect(fixture.bugs).toEqual(['a subscriber of changes threw']);
  fixture.store.db.exec('DROP TABLE generations');
  await expect(fixture.ledger.reset(1, 3)).rejects.toThrow();
  expect(heard).toHaveLength(1);
});
