import { afterEach, expect, test } from 'bun:test';
import {
  countKinds,
  openPurchaseFixture,
  PRODUCT_ID,
  type PurchaseFixture,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { stockOf } from '../../domain/product.ts';
import { FRESH_MS } from './stock-cache.ts';

/** Longer than any test: what ends the wait is then the news alone. */
const NEVER_MS = 600_000;

let fixture: PurchaseFixture;
afterEach(async () => {
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
});

test('units that one customer claimed above the limit go to those who waited for them', async () => {
  fixture = await openPurchaseFixture({ units: 5, perCustomerLimit: 1 });
  const batcher = fixture.batcher({ silenceMs: NEVER_MS });
  const greedy = Array.from({ length: 5 }, () => batcher.buy(fixture.purchase({ customer: 'greedy' })));
  const others = ['ann', 'bob', 'cy', 'di', 'eve'].map((customer) =>
    batcher.buy(fixture.purchase({ customer })),
  );
  expect(countKinds(await Promise.all(greedy))).toEqual({ reserved: 1, limit_reached: 4 });
  expect(countKinds(await Promise.all(others))).toEqual({ reserved: 4, sold_out: 1 });
  expect(await fixture.units()).toEqual({ available: 0, reserved: 5 });
  // The commit itself called them back; once at first, and never after a silence, was the ledger asked.
  expect(fixture.truthsAsked).toBe(1);
});

test('nobody is told sold out about units that are only claimed, until the ledger has spoken', async () => {
  fixture = await openPurchaseFixture({ units: 2, perCustomerLimit: 1 });
  const batcher = fixture.batcher();
  const another = fixture.batcher(); // of another process: they share the gate
  const { promise: spoken, resolve: speak } = Promise.withResolvers<void>();
  fixture.decideFault = async (purchases, decide) => {
    await spoken;
    return decide(purchases);
  };
  const greedy = [1, 2].map(() => batcher.buy(fixture.purchase({ customer: 'greedy' })));
  await until(() => fixture.batches.length === 1);
  const patient = fixture.call(fixture.purchase({ customer: 'patient' }));
  another.enter(patient);
  await until(() => another.stats.waited >= 1);
  expect(patient.answers).toEqual([]);
  speak();
  await Promise.all(greedy);
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
});

test('claims that were lost (somebody claimed and died) cost a short wait and no unit', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher();
  const stock = { productId: PRODUCT_ID, version: 1, available: 5 };
  await fixture.gate.claim(PRODUCT_ID, [3, 2], stock);
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => batcher.buy(fixture.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 5, sold_out: 1 });
  expect(batcher.stats.waited).toBeGreaterThan(0);
});

test('a counter that says too much costs requests that the ledger refuses, and then tells the truth', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher();
  await batcher.buy(fixture.purchase());
  const { version } = fixture.stockCache.stock(PRODUCT_ID)!;
  await fixture.gate.update({ productId: PRODUCT_ID, version, available: 10 }, 'force');
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => batcher.buy(fixture.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 4, sold_out: 6 });

  const asked = fixture.batches.length;
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ sold_out: 1 });
  expect(fixture.batches.length).toBe(asked);
  expect(await fixture.gate.claim(PRODUCT_ID, [1], null)).toMatchObject({
    stock: { available: 0 },
    claims: ['refused'],
  });
});

test('a gate that lost its memory is shown what this instance saw', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher();
  await batcher.buy(fixture.purchase());
  await fixture.gate.close(); // Forgets every counter.
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => batcher.buy(fixture.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 4, sold_out: 1 });
});

test('a gate restored to an older stock version gets the newer one with the next claim', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher();
  await Promise.all([1, 2, 3].map(() => batcher.buy(fixture.purchase())));
  await fixture.gate.update({ productId: PRODUCT_ID, version: 1, available: 5 }, 'force');
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => batcher.buy(fixture.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 2, sold_out: 3 });
});

test('while the ledger cannot be asked, who waits is not told sold out, and gets units once it can', async () => {
  fixture = await openPurchaseFixture({ units: 2 });
  const batcher = fixture.batcher();
  await batcher.buy(fixture.purchase());
  await fixture.gate.claim(PRODUCT_ID, [1], fixture.stockCache.stock(PRODUCT_ID));
  let failures = 0;
  const { product } = fixture.ledger;
  fixture.ledger.product = async () => {
    failures++;
    throw new Error('silent for the test');
  };
  // Its patience with the gate must not end on a busy machine: as if it arrived later than it does.
  const arrivedAtMs = fixture.monotonicMs() + 60_000;
  const patient = { ...fixture.call(fixture.purchase()), arrivedAtMs };
  batcher.enter(patient);
  await until(() => failures >= 2);
  expect(patient.answers).toEqual([]);
  fixture.ledger.product = product;
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
});

test('units that come back by another process are sold to who waits, as soon as that is heard', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher({ silenceMs: NEVER_MS });
  await batcher.buy(fixture.purchase());
  await fixture.gate.update({ productId: PRODUCT_ID, version: 2, available: 1 }, 'force');
  await fixture.gate.claim(PRODUCT_ID, [1], null);
  const asked = fixture.truthsAsked;
  const patient = fixture.call(fixture.purchase());
  batcher.enter(patient);
  await until(() => batcher.stats.waited === 1);
  const { version } = (await fixture.real.reset(PRODUCT_ID, 1)).product!;
  fixture.others.changed(PRODUCT_ID, version, 1);
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
  expect(fixture.truthsAsked).toBe(asked + 1);
});

test('units that come back by a commit of this process are sold to who waits, without another question', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher({ silenceMs: NEVER_MS });
  await batcher.buy(fixture.purchase());
  await fixture.gate.update({ productId: PRODUCT_ID, version: 2, available: 1 }, 'force');
  await fixture.gate.claim(PRODUCT_ID, [1], null);
  const asked = fixture.truthsAsked;
  const patient = fixture.call(fixture.purchase());
  batcher.enter(patient);
  await until(() => batcher.stats.waited === 1);
  await fixture.ledger.reset(PRODUCT_ID, 1);
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
  expect(fixture.truthsAsked).toBe(asked);
});

test('a sell-out is checked again with the ledger when the memory of it is no longer fresh', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher();
  await batcher.buy(fixture.purchase());
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ sold_out: 1 });
  await fixture.real.reset(PRODUCT_ID, 1); // By another process; nobody tells this one.
  fixture.passTime(FRESH_MS);
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
});

test('P5 a refusal rests on a word no older than 250 ms, also when that word was long on its way', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher();
  fixture.decideFault = async (purchases, decide) => {
    const decision = await decide(purchases);
    fixture.passTime(FRESH_MS);
    await fixture.real.reset(PRODUCT_ID, 1); // By another process; nobody tells this one.
    fixture.decideFault = null;
    return decision;
  };
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
  expect(fixture.stockCache.fresh(PRODUCT_ID)).toBeUndefined();
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
});

test('P5 a refusal rests on a word no older than 250 ms: who hears an older one is decided by the ledger', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher();
  await batcher.buy(fixture.purchase());
  fixture.passTime(FRESH_MS);
  const soldOut = await fixture.real.product(PRODUCT_ID);
  fixture.ledger.product = async () => {
    fixture.passTime(FRESH_MS);
    return soldOut;
  };
  await fixture.real.reset(PRODUCT_ID, 1); // By another process, while this one's questions were under way.
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
});

test('units that come back reach the gate also by a process that never saw the product before', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  fixture.batcher();
  // Another process sold it out, and showed it to the gate.
  await fixture.real.decide([fixture.purchase()]);
  await fixture.gate.update(stockOf((await fixture.real.product(PRODUCT_ID))!), 'force');
  await fixture.ledger.reset(PRODUCT_ID, 5);
  expect(await fixture.gate.claim(PRODUCT_ID, [1], null)).toMatchObject({ claims: ['claimed'] });
});
