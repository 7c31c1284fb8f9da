import { afterEach, beforeEach, expect, test } from 'bun:test';
import {
  ANSWER_WITHIN_MS,
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import { stockOf, TEST_CURRENCY } from '../../domain/product.ts';
import type { Purchase } from '../../domain/purchase.ts';
import { encodePurchases } from '../../ports/purchase-message.ts';
import { createDeadLetters, type Note } from '../ops/dead-letters.ts';
import { createRemoval, type RemoveProduct } from './removal.ts';

const OTHER_ID = 2;

let fixture: PurchaseFixture;
let remove: RemoveProduct;

beforeEach(async () => {
  fixture = await openPurchaseFixture({ currency: TEST_CURRENCY });
  await fixture.real.addProducts([
    { id: OTHER_ID, name: 'Another', priceMinor: 100, currency: 'USD', units: 5 },
  ]);
  const { ledger, gate, queue, ids, clock } = fixture;
  const deadLetters = createDeadLetters({ ledger, queue, ids });
  remove = createRemoval({ ledger, gate, queue, deadLetters, clock, purchaseTimeoutMs: ANSWER_WITHIN_MS });
});
afterEach(async () => {
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

const note: Note = (action, subject, details) => ({
  id: Bun.randomUUIDv7(),
  actor: 'grace',
  action,
  subject,
  reason: 'for the test',
  details,
});

async function closeSale(): Promise<void> {
  await fixture.real.closeSale(PRODUCT_ID, note('sale.drain', `product/${PRODUCT_ID}`, {}));
}

async function deadLettered(...purchases: Purchase[]): Promise<void> {
  await fixture.real.markNeedsAttention(
    purchases.map(({ id }) => id),
    true,
  );
  await fixture.realQueue.deadLetter('purchases', encodePurchases(purchases), 'for the test');
}

test('a product is kept while a purchase that was accepted before the close may be in the queue', async () => {
  const refused = { kind: 'refused', code: 'sale_not_drained' };
  await fixture.realQueue.publish('purchases', [encodePurchases([fixture.queued()])]);
  fixture.passTime(1);
  await closeSale();
  fixture.passTime(10 * ANSWER_WITHIN_MS);
  expect(await remove(PRODUCT_ID, note)).toMatchObject(refused);
  const consumer = await fixture.realQueue.consume(
    'purchases',
    { maxItems: 1, concurrency: 1 },
    async () => {},
  );
  await until(async () => (await fixture.realQueue.status()).every(({ oldestAgeMs }) => oldestAgeMs === 0));
  await consumer.close();
  expect(await remove(PRODUCT_ID, note)).toEqual({ kind: 'removed' });
});

test('one that is on its way into the queue has the time that its buyer waits', async () => {
  await closeSale();
  expect(await remove(PRODUCT_ID, note)).toMatchObject({ code: 'sale_not_drained' });
  fixture.passTime(ANSWER_WITHIN_MS);
  expect(await remove(PRODUCT_ID, note)).toEqual({ kind: 'removed' });
});

test('a product is kept while a consumer does not tell what it holds', async () => {
  await closeSale();
  fixture.passTime(ANSWER_WITHIN_MS);
  const { status } = fixture.queue;
  fixture.queue.status = async () => (await status()).map((one) => ({ ...one, silentConsumers: 1 }));
  expect(await remove(PRODUCT_ID, note)).toMatchObject({ code: 'sale_not_drained' });
  fixture.queue.status = status;
  expect(await remove(PRODUCT_ID, note)).toEqual({ kind: 'removed' });
});

test('a reading of the queue that began before the close says nothing of what came after it', async () => {
  const { status } = fixture.queue;
  const begunBefore = status();
  await fixture.realQueue.publish('purchases', [encodePurchases([fixture.queued()])]);
  fixture.passTime(1);
  await closeSale();
  fixture.passTime(10 * ANSWER_WITHIN_MS);
  fixture.queue.status = () => {
    fixture.queue.status = status;
    return begunBefore;
  };
  expect(await remove(PRODUCT_ID, note)).toMatchObject({ code: 'sale_not_drained' });
  expect(await fixture.real.product(PRODUCT_ID)).toBeDefined();
});

test('its dead letters go with it, those of others stay, and the gate forgets it', async () => {
  const theirs = [fixture.queued(), fixture.queued()];
  await deadLettered(...theirs);
  await deadLettered(fixture.queued({ productId: OTHER_ID }));
  const product = (await fixture.real.product(PRODUCT_ID))!;
  await fixture.gate.update(stockOf(product), 'ifNewer');
  await closeSale();
  fixture.passTime(ANSWER_WITHIN_MS);
  expect(await remove(PRODUCT_ID, note)).toEqual({ kind: 'removed' });
  expect(await fixture.realQueue.deadLetters('purchases', 100)).toHaveLength(1);
  expect((await fixture.real.find(theirs.map(({ id }) => id))).size).toBe(0);
  expect(await fixture.gate.claim(PRODUCT_ID, [1], null)).toEqual({ known: false });
});

test('a commit whose answer was lost is asked for again, and written down once', async () => {
  await closeSale();
  fixture.passTime(ANSWER_WITHIN_MS);
  const { removeProduct } = fixture.underneath;
  let lost = 0;
  fixture.ledger.removeProduct = async (...call) => {
    const step = await removeProduct(...call);
    if (lost++ === 0) throw new AppError('outcome_unknown', 'for the test');
    return step;
  };
  expect(await remove(PRODUCT_ID, note)).toEqual({ kind: 'removed' });
  expect(lost).toBe(2);
  const actions = (await fixture.real.auditLog(100, null)).map(({ action }) => action);
  expect(actions).toEqual(['product.remove', 'sale.drain']);
});

test('a product that buyers see, or nobody has, is refused at once', async () => {
  expect(await remove(OTHER_ID, note)).toMatchObject({ code: 'product_not_hidden' });
  expect(await remove(77, note)).toMatchObject({ code: 'unknown_product' });
});
