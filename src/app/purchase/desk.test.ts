import { afterEach, expect, test } from 'bun:test';
import {
  countKinds,
  keyOf,
  openPurchaseHouse,
  PRODUCT_ID,
  type PurchaseHouse,
} from '../../../tests/support/purchase-house.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Outcome } from '../../domain/purchase.ts';
import { INSIDE_MAX, type PurchaseDesk } from './desk.ts';

let house: PurchaseHouse;
afterEach(async () => {
  expect(await house.breaches()).toEqual([]);
  await house.close();
});

function buyers(desk: PurchaseDesk, count: number, changes = {}): Promise<Outcome>[] {
  return Array.from({ length: count }, () => desk.buy(house.purchase(changes)));
}

/** Keeps batches at the ledger until they are let go. */
function holdBatches(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  house.decideFault = async (purchases, decide) => {
    await promise;
    return decide(purchases);
  };
  return resolve;
}

test('many buyers at once are decided in few batches, each with a number of its own', async () => {
  house = await openPurchaseHouse({ units: 1_000 });
  const desk = house.desk();
  const outcomes = await Promise.all(buyers(desk, 1_000));
  expect(countKinds(outcomes)).toEqual({ reserved: 1_000 });
  expect(new Set(outcomes.map((o) => o.kind === 'reserved' && o.order.number)).size).toBe(1_000);
  expect(house.batches.length).toBeLessThanOrEqual(2);
  expect(house.reserved).toHaveLength(1_000);
});

test('those who come while a batch is under way form the next one', async () => {
  house = await openPurchaseHouse();
  const desk = house.desk();
  const letGo = holdBatches();
  const first = buyers(desk, 1);
  await until(() => house.batches.length === 1);
  const next = buyers(desk, 20);
  await Bun.sleep(0);
  next.push(...buyers(desk, 20));
  letGo();
  await Promise.all([...first, ...next]);
  expect(house.batches.map((batch) => batch.length)).toEqual([1, 40]);
});

test('a second batch goes beside the first when it is large, and waits for it when it is small', async () => {
  house = await openPurchaseHouse({ units: 1_000 });
  const desk = house.desk({ batchesInFlightMax: 2 });
  const letGo = holdBatches();
  const calls = buyers(desk, 1);
  await until(() => house.batches.length === 1);
  calls.push(...buyers(desk, 20));
  await new Promise(setImmediate);
  expect(house.batches.map((batch) => batch.length)).toEqual([1]);
  calls.push(...buyers(desk, 100));
  await until(() => house.batches.length === 2);
  calls.push(...buyers(desk, 200));
  await new Promise(setImmediate);
  expect(house.batches.map((batch) => batch.length)).toEqual([1, 120]);
  letGo();
  await Promise.all(calls);
  expect(house.batches.map((batch) => batch.length)).toEqual([1, 120, 200]);
});

test('exactly the units there are get sold, and the rest is told sold out', async () => {
  house = await openPurchaseHouse({ units: 100 });
  const desk = house.desk();
  expect(countKinds(await Promise.all(buyers(desk, 350)))).toEqual({ reserved: 100, sold_out: 250 });
  expect(await house.units()).toEqual({ available: 0, reserved: 100 });
  expect(desk.stats.inside).toBe(0);
});

test('after the sell-out the gate refuses, and the ledger is not asked', async () => {
  house = await openPurchaseHouse({ units: 3 });
  const desk = house.desk();
  await Promise.all(buyers(desk, 3));
  const asked = house.batches.length;
  const refused = await Promise.all(buyers(desk, 50));
  expect(refused[0]).toEqual({ kind: 'refused', code: 'sold_out', available: 0 });
  expect(countKinds(refused)).toEqual({ sold_out: 50 });
  expect(house.batches.length).toBe(asked);
  expect(desk.stats.refusedByGate).toBe(50);
});

test('who asks for more than there is does not keep units from others', async () => {
  house = await openPurchaseHouse({ units: 10 });
  const desk = house.desk();
  const outcomes = await Promise.all([7, 7, 3, 11].map((quantity) => desk.buy(house.purchase({ quantity }))));
  expect(countKinds(outcomes)).toEqual({ reserved: 2, sold_out: 2 });
  expect(outcomes[3]).toMatchObject({ available: 10 });
  expect(await house.units()).toEqual({ available: 0, reserved: 10 });
});

test('a key gets its first answer after the sell-out, past the gate', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  const first = await desk.buy(house.purchase({ key: keyOf('k') }));
  const [again, mismatch, other] = await Promise.all([
    desk.buy(house.purchase({ key: keyOf('k') })),
    desk.buy(house.purchase({ key: keyOf('k', { fingerprint: '1:2' }) })),
    desk.buy(house.purchase()),
  ]);
  expect(again).toEqual({ ...first, repeated: true } as Outcome);
  expect([mismatch.kind, other.kind]).toEqual(['mismatch', 'refused']);
  expect(house.reserved).toHaveLength(1);
});

test('products are decided side by side, and an unknown one is told so', async () => {
  house = await openPurchaseHouse({ units: 2 });
  await house.real.addProducts([{ id: 2, name: 'Another', priceMinor: 1, currency: 'USD', units: 1 }]);
  const desk = house.desk();
  const outcomes = await Promise.all(
    [1, 2, 3, 1, 2].map((productId) => desk.buy(house.purchase({ productId }))),
  );
  expect(countKinds(outcomes)).toEqual({ reserved: 3, sold_out: 1, unknown_product: 1 });
});

test('a full desk answers overloaded before any work, and takes purchases again when it has room', async () => {
  house = await openPurchaseHouse({ units: 2 * INSIDE_MAX });
  const desk = house.desk();
  const letGo = holdBatches();
  const inside = buyers(desk, INSIDE_MAX);
  const one = house.purchase();
  await expect(desk.buy(one)).rejects.toMatchObject({ code: 'overloaded' });
  letGo();
  expect(countKinds(await Promise.all(inside))).toEqual({ reserved: INSIDE_MAX });
  expect(house.batches.flat().some(({ id }) => id === one.id)).toBe(false);
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
});

test('P8 a caller who left is dropped before the ledger, however short the wait was', async () => {
  house = await openPurchaseHouse();
  const desk = house.desk();
  const letGo = holdBatches();
  const first = buyers(desk, 1);
  await until(() => house.batches.length === 1);
  const gone = house.call(house.purchase(), () => true);
  const stayed = house.call(house.purchase(), () => false);
  desk.enter(gone);
  desk.enter(stayed);
  letGo();
  await Promise.all(first);
  await until(() => gone.answers.length === 1 && stayed.answers.length === 1);
  expect(countKinds([...gone.answers, ...stayed.answers])).toEqual({ unavailable: 1, reserved: 1 });
  expect(house.batches.flat().map(({ id }) => id)).not.toContain(gone.purchase.id);
  expect(desk.stats.inside).toBe(0);
});

test('one purchase that breaks the batch fails alone, and is reported as a bug', async () => {
  house = await openPurchaseHouse();
  const desk = house.desk();
  const broken = house.call(house.purchase({ quantity: 0 }));
  const around = [...buyers(desk, 5)];
  desk.enter(broken);
  around.push(...buyers(desk, 5));
  expect(countKinds(await Promise.all(around))).toEqual({ reserved: 10 });
  expect(broken.answers).toHaveLength(1);
  expect(broken.answers[0]).toBeInstanceOf(Error);
  expect(broken.answers[0]).not.toBeInstanceOf(AppError);
  expect(house.bugs).toEqual([
    'a batch of 11 purchases failed; they are decided one by one',
    `purchase ${broken.purchase.id} could not be decided`,
  ]);
  expect(await house.units()).toEqual({ available: 90, reserved: 10 });
});

test('an engine that surely did nothing is said to be unavailable, and its units are sold afterwards', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk();
  house.decideFault = async () => {
    throw new AppError('unavailable', 'down for the test');
  };
  const answers = await Promise.allSettled(buyers(desk, 5));
  expect(countKinds(answers.map((a) => a.status === 'rejected' && a.reason))).toEqual({ unavailable: 5 });
  house.decideFault = null;
  const asked = house.truthsAsked;
  expect(countKinds(await Promise.all(buyers(desk, 6)))).toEqual({ reserved: 5, sold_out: 1 });
  expect(house.truthsAsked).toBe(asked); // What was claimed in vain came back at once, not after a silence.
});

test('the gate is not asked for workers, and one failure among their purchases is thrown', async () => {
  house = await openPurchaseHouse({ units: 2 });
  const desk = house.desk();
  await house.gate.follow({ productId: PRODUCT_ID, version: 99, available: 0 }, 'any');
  const wishes = [house.queued(), house.queued(), house.queued()];
  expect(countKinds(await desk.decide(wishes))).toEqual({ reserved: 2, sold_out: 1 });
  const bad = [house.queued(), house.queued({ quantity: 0 }), house.queued()];
  await expect(desk.decide(bad)).rejects.toThrow('CHECK constraint');
  expect((await house.real.find(bad.map(({ id }) => id))).size).toBe(2);
});

test('closing answers everybody inside, those at the ledger, in line and waiting for units, and then refuses', async () => {
  house = await openPurchaseHouse({ units: 4 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  // Somebody's claim that will come to nothing.
  await house.gate.claim(PRODUCT_ID, [1], house.stockCache.standing(PRODUCT_ID));
  const letGo = holdBatches();
  const atTheLedger = buyers(desk, 2);
  const waiting = buyers(desk, 1);
  await until(() => desk.stats.waited === 1 && house.batches.length === 2);
  const inLine = buyers(desk, 4);
  const closed = desk.close();
  await expect(desk.buy(house.purchase())).rejects.toMatchObject({ code: 'unavailable' });
  letGo();
  await closed;
  const outcomes = await Promise.all([...atTheLedger, ...waiting, ...inLine]);
  expect(countKinds(outcomes)).toEqual({ reserved: 3, sold_out: 4 });
  expect(desk.stats.inside).toBe(0);
});
