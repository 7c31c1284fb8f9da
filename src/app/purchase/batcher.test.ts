import { afterEach, expect, test } from 'bun:test';
import {
  countKinds,
  keyOf,
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Outcome } from '../../domain/purchase.ts';
import { INSIDE_MAX, type PurchaseBatcher } from './batcher.ts';

let fixture: PurchaseFixture;
afterEach(async () => {
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

function buyers(batcher: PurchaseBatcher, count: number, changes = {}): Promise<Outcome>[] {
  return Array.from({ length: count }, () => batcher.buy(fixture.purchase(changes)));
}

/** Keeps batches at the ledger until they are let go. */
function holdBatches(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  fixture.decideFault = async (purchases, decide) => {
    await promise;
    return decide(purchases);
  };
  return resolve;
}

test('many buyers at once are decided in few batches, each with an order of its own', async () => {
  fixture = await openPurchaseFixture({ units: 1_000 });
  const batcher = fixture.batcher();
  const outcomes = await Promise.all(buyers(batcher, 1_000));
  expect(countKinds(outcomes)).toEqual({ reserved: 1_000 });
  expect(new Set(outcomes.map((o) => o.kind === 'reserved' && o.order.id)).size).toBe(1_000);
  expect(fixture.batches.length).toBeLessThanOrEqual(2);
  expect(fixture.reserved).toHaveLength(1_000);
});

test('those who come while a batch is under way form the next one', async () => {
  fixture = await openPurchaseFixture();
  const batcher = fixture.batcher();
  const letGo = holdBatches();
  const first = buyers(batcher, 1);
  await until(() => fixture.batches.length === 1);
  const next = buyers(batcher, 20);
  await Bun.sleep(0);
  next.push(...buyers(batcher, 20));
  letGo();
  await Promise.all([...first, ...next]);
  expect(fixture.batches.map((batch) => batch.length)).toEqual([1, 40]);
});

test('a second batch goes beside the first when it is large, and waits for it when it is small', async () => {
  fixture = await openPurchaseFixture({ units: 1_000 });
  const batcher = fixture.batcher({ batchesInFlightMax: 2 });
  const letGo = holdBatches();
  const calls = buyers(batcher, 1);
  await until(() => fixture.batches.length === 1);
  calls.push(...buyers(batcher, 20));
  await new Promise(setImmediate);
  expect(fixture.batches.map((batch) => batch.length)).toEqual([1]);
  calls.push(...buyers(batcher, 100));
  await until(() => fixture.batches.length === 2);
  calls.push(...buyers(batcher, 200));
  await new Promise(setImmediate);
  expect(fixture.batches.map((batch) => batch.length)).toEqual([1, 120]);
  letGo();
  await Promise.all(calls);
  expect(fixture.batches.map((batch) => batch.length)).toEqual([1, 120, 200]);
});

test('a second batch is no smaller than the one that it goes beside', async () => {
  fixture = await openPurchaseFixture({ units: 1_000 });
  const batcher = fixture.batcher({ batchesInFlightMax: 2 });
  const letGo = holdBatches();
  const calls = buyers(batcher, 150);
  await until(() => fixture.batches.length === 1);
  calls.push(...buyers(batcher, 149));
  await new Promise(setImmediate);
  expect(fixture.batches.map((batch) => batch.length)).toEqual([150]);
  calls.push(...buyers(batcher, 1));
  await until(() => fixture.batches.length === 2);
  letGo();
  await Promise.all(calls);
  expect(fixture.batches.map((batch) => batch.length)).toEqual([150, 150]);
});

test('exactly the units there are get sold, and the rest is told sold out', async () => {
  fixture = await openPurchaseFixture({ units: 100 });
  const batcher = fixture.batcher();
  expect(countKinds(await Promise.all(buyers(batcher, 350)))).toEqual({ reserved: 100, sold_out: 250 });
  expect(await fixture.units()).toEqual({ available: 0, reserved: 100 });
  expect(batcher.stats.inside).toBe(0);
});

test('after the sell-out the gate refuses, and the ledger is not asked', async () => {
  fixture = await openPurchaseFixture({ units: 3 });
  const batcher = fixture.batcher();
  await Promise.all(buyers(batcher, 3));
  const asked = fixture.batches.length;
  const refused = await Promise.all(buyers(batcher, 50));
  expect(refused[0]).toEqual({ kind: 'refused', code: 'sold_out', available: 0 });
  expect(countKinds(refused)).toEqual({ sold_out: 50 });
  expect(fixture.batches.length).toBe(asked);
  expect(batcher.stats.refusedByGate).toBe(50);
});

test('far from the end the gate is not asked, near it is', async () => {
  fixture = await openPurchaseFixture({ units: 40 });
  const batcher = fixture.batcher();
  const atGate = async () => {
    const answer = await fixture.gate.claim(PRODUCT_ID, [], null);
    return answer.known && answer.stock.available;
  };
  await batcher.buy(fixture.purchase());
  const learned = await atGate();
  await Promise.all(buyers(batcher, 2));
  await batcher.buy(fixture.purchase());
  expect(await atGate()).toBe(learned);
  await Promise.all(buyers(batcher, 3));
  expect(await atGate()).toBe(36);
  expect(await fixture.units()).toEqual({ available: 33, reserved: 7 });
});

test('while another process sells the product, a batch waits for more purchases', async () => {
  fixture = await openPurchaseFixture({ units: 1_000 });
  const batcher = fixture.batcher();
  const another = fixture.batcher();
  const comesLater = async () => {
    // The batch before is over then, and not only answered.
    await new Promise(setImmediate);
    const calls = buyers(batcher, 1);
    await new Promise(setImmediate);
    await Promise.all([...calls, ...buyers(batcher, 1)]);
    return fixture.batches.at(-1)!.length === 2;
  };
  await batcher.buy(fixture.purchase());
  expect(await comesLater()).toBe(false);
  await until(async () => {
    await Promise.all(buyers(another, 1));
    await another.buy(fixture.purchase());
    await batcher.buy(fixture.purchase());
    return comesLater();
  });
});

test('who asks for more than there is does not keep units from others', async () => {
  fixture = await openPurchaseFixture({ units: 10 });
  const batcher = fixture.batcher();
  const outcomes = await Promise.all(
    [7, 7, 3, 11].map((quantity) => batcher.buy(fixture.purchase({ quantity }))),
  );
  expect(countKinds(outcomes)).toEqual({ reserved: 2, sold_out: 2 });
  expect(outcomes[3]).toMatchObject({ available: 10 });
  expect(await fixture.units()).toEqual({ available: 0, reserved: 10 });
});

test('a key gets its first answer after the sell-out, past the gate', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher();
  const first = await batcher.buy(fixture.purchase({ key: keyOf('k') }));
  const [again, mismatch, other] = await Promise.all([
    batcher.buy(fixture.purchase({ key: keyOf('k') })),
    batcher.buy(fixture.purchase({ key: keyOf('k', { fingerprint: '1:2' }) })),
    batcher.buy(fixture.purchase()),
  ]);
  expect(again).toEqual({ ...first, repeated: true } as Outcome);
  expect([mismatch.kind, other.kind]).toEqual(['mismatch', 'refused']);
  expect(fixture.reserved).toHaveLength(1);
});

test('products are decided side by side, and an unknown one is told so', async () => {
  fixture = await openPurchaseFixture({ units: 2 });
  await fixture.real.addProducts([{ id: 2, name: 'Another', priceMinor: 1, currency: 'USD', units: 1 }]);
  const batcher = fixture.batcher();
  const outcomes = await Promise.all(
    [1, 2, 3, 1, 2].map((productId) => batcher.buy(fixture.purchase({ productId }))),
  );
  expect(countKinds(outcomes)).toEqual({ reserved: 3, sold_out: 1, unknown_product: 1 });
});

test('a full batcher answers overloaded before any work, and takes purchases again when it has room', async () => {
  fixture = await openPurchaseFixture({ units: 2 * INSIDE_MAX });
  const batcher = fixture.batcher();
  const letGo = holdBatches();
  const inside = buyers(batcher, INSIDE_MAX);
  const one = fixture.purchase();
  await expect(batcher.buy(one)).rejects.toMatchObject({ code: 'overloaded' });
  letGo();
  expect(countKinds(await Promise.all(inside))).toEqual({ reserved: INSIDE_MAX });
  expect(fixture.batches.flat().some(({ id }) => id === one.id)).toBe(false);
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
});

test('P8 a caller who left is dropped before the ledger, however short the wait was', async () => {
  fixture = await openPurchaseFixture();
  const batcher = fixture.batcher();
  const letGo = holdBatches();
  const first = buyers(batcher, 1);
  await until(() => fixture.batches.length === 1);
  const gone = fixture.call(fixture.purchase(), () => true);
  const stayed = fixture.call(fixture.purchase(), () => false);
  batcher.enter(gone);
  batcher.enter(stayed);
  letGo();
  await Promise.all(first);
  await until(() => gone.answers.length === 1 && stayed.answers.length === 1);
  expect(countKinds([...gone.answers, ...stayed.answers])).toEqual({ unavailable: 1, reserved: 1 });
  expect(fixture.batches.flat().map(({ id }) => id)).not.toContain(gone.purchase.id);
  expect(batcher.stats.inside).toBe(0);
});

test('one purchase that breaks the batch fails alone, and is reported as a bug', async () => {
  fixture = await openPurchaseFixture();
  const batcher = fixture.batcher();
  const broken = fixture.call(fixture.purchase({ quantity: 0 }));
  const around = [...buyers(batcher, 5)];
  batcher.enter(broken);
  around.push(...buyers(batcher, 5));
  expect(countKinds(await Promise.all(around))).toEqual({ reserved: 10 });
  expect(broken.answers).toHaveLength(1);
  expect(broken.answers[0]).toBeInstanceOf(Error);
  expect(broken.answers[0]).not.toBeInstanceOf(AppError);
  expect(fixture.bugs).toEqual([
    'a batch of 11 purchases failed; they are decided one by one',
    `purchase ${broken.purchase.id} could not be decided`,
  ]);
  expect(await fixture.units()).toEqual({ available: 90, reserved: 10 });
});

test('a backend that surely did nothing is said to be unavailable, and its units are sold afterwards', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher();
  fixture.decideFault = async () => {
    throw new AppError('unavailable', 'down for the test');
  };
  const answers = await Promise.allSettled(buyers(batcher, 5));
  expect(countKinds(answers.map((a) => a.status === 'rejected' && a.reason))).toEqual({ unavailable: 5 });
  fixture.decideFault = null;
  const asked = fixture.truthsAsked;
  expect(countKinds(await Promise.all(buyers(batcher, 6)))).toEqual({ reserved: 5, sold_out: 1 });
  expect(fixture.truthsAsked).toBe(asked); // What was claimed in vain came back at once, not after a silence.
});

test('the gate is not asked for workers, and one failure among their purchases is thrown', async () => {
  fixture = await openPurchaseFixture({ units: 2 });
  const batcher = fixture.batcher();
  await fixture.gate.update({ productId: PRODUCT_ID, version: 99, available: 0 }, 'force');
  const requests = [fixture.queued(), fixture.queued(), fixture.queued()];
  expect(countKinds(await batcher.decide(requests))).toEqual({ reserved: 2, sold_out: 1 });
  const bad = [fixture.queued(), fixture.queued({ quantity: 0 }), fixture.queued()];
  await expect(batcher.decide(bad)).rejects.toThrow('CHECK constraint');
  expect((await fixture.real.find(bad.map(({ id }) => id))).size).toBe(2);
});

test('closing answers everybody inside, those at the ledger, in line and waiting for units, and then refuses', async () => {
  fixture = await openPurchaseFixture({ units: 4 });
  const batcher = fixture.batcher();
  await batcher.buy(fixture.purchase());
  // Somebody's claim that will come to nothing.
  await fixture.gate.claim(PRODUCT_ID, [1], fixture.stockCache.stock(PRODUCT_ID));
  const letGo = holdBatches();
  const atTheLedger = buyers(batcher, 2);
  const waiting = buyers(batcher, 1);
  await until(() => batcher.stats.waited === 1 && fixture.batches.length === 2);
  const inLine = buyers(batcher, 4);
  const closed = batcher.close();
  await expect(batcher.buy(fixture.purchase())).rejects.toMatchObject({ code: 'unavailable' });
  letGo();
  await closed;
  const outcomes = await Promise.all([...atTheLedger, ...waiting, ...inLine]);
  expect(countKinds(outcomes)).toEqual({ reserved: 3, sold_out: 4 });
  expect(batcher.stats.inside).toBe(0);
});
