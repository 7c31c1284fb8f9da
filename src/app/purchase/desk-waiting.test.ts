import { afterEach, expect, test } from 'bun:test';
import {
  countKinds,
  openPurchaseHouse,
  PRODUCT_ID,
  type PurchaseHouse,
} from '../../../tests/support/purchase-house.ts';
import { until } from '../../../tests/support/until.ts';
import { FRESH_MS } from './stock-cache.ts';

let house: PurchaseHouse;
afterEach(async () => {
  expect(await house.breaches()).toEqual([]);
  await house.close();
});

test('units that one customer claimed above the limit go to those who waited for them', async () => {
  house = await openPurchaseHouse({ units: 5, perCustomerLimit: 1 });
  const desk = house.desk();
  const greedy = Array.from({ length: 5 }, () => desk.buy(house.purchase({ customer: 'greedy' })));
  const others = ['ann', 'bob', 'cy', 'di', 'eve'].map((customer) => desk.buy(house.purchase({ customer })));
  expect(countKinds(await Promise.all(greedy))).toEqual({ reserved: 1, limit_reached: 4 });
  expect(countKinds(await Promise.all(others))).toEqual({ reserved: 4, sold_out: 1 });
  expect(await house.units()).toEqual({ available: 0, reserved: 5 });
  // The commit itself called them back; once at first, and never after a silence, was the ledger asked.
  expect(house.truthsAsked).toBe(1);
});

test('nobody is told sold out about units that are only claimed, until the ledger has spoken', async () => {
  house = await openPurchaseHouse({ units: 2, perCustomerLimit: 1 });
  const desk = house.desk();
  const another = house.desk(); // of another process: they share the gate
  const { promise: spoken, resolve: speak } = Promise.withResolvers<void>();
  house.decideFault = async (purchases, decide) => {
    await spoken;
    return decide(purchases);
  };
  const greedy = [1, 2].map(() => desk.buy(house.purchase({ customer: 'greedy' })));
  await until(() => house.batches.length === 1);
  const patient = house.call(house.purchase({ customer: 'patient' }));
  another.enter(patient);
  await until(() => another.stats.waited >= 1);
  expect(patient.answers).toEqual([]);
  speak();
  await Promise.all(greedy);
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
});

test('claims that were lost (somebody claimed and died) cost a short wait and no unit', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk();
  const standing = { productId: PRODUCT_ID, version: 1, available: 5 };
  await house.gate.claim(PRODUCT_ID, [3, 2], standing);
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => desk.buy(house.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 5, sold_out: 1 });
  expect(desk.stats.waited).toBeGreaterThan(0);
});

test('a counter that says too much costs requests that the ledger refuses, and then tells the truth', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  const { version } = house.stockCache.standing(PRODUCT_ID)!;
  await house.gate.follow({ productId: PRODUCT_ID, version, available: 10 }, 'any');
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => desk.buy(house.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 4, sold_out: 6 });

  const asked = house.batches.length;
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ sold_out: 1 });
  expect(house.batches.length).toBe(asked);
  expect(await house.gate.claim(PRODUCT_ID, [1], null)).toMatchObject({
    standing: { available: 0 },
    claims: ['refused'],
  });
});

test('a gate that lost its memory is shown what this instance saw', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  await house.gate.close(); // Forgets every counter.
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => desk.buy(house.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 4, sold_out: 1 });
});

test('a gate restored to an older standing follows the newer one with the next claim', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk();
  await Promise.all([1, 2, 3].map(() => desk.buy(house.purchase())));
  await house.gate.follow({ productId: PRODUCT_ID, version: 1, available: 5 }, 'any');
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => desk.buy(house.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 2, sold_out: 3 });
});

test('while the ledger cannot be asked, who waits is not told sold out, and gets units once it can', async () => {
  house = await openPurchaseHouse({ units: 2 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  await house.gate.claim(PRODUCT_ID, [1], house.stockCache.standing(PRODUCT_ID));
  let failures = 0;
  const { product } = house.ledger;
  house.ledger.product = async () => {
    failures++;
    throw new Error('silent for the test');
  };
  const patient = house.call(house.purchase());
  desk.enter(patient);
  await until(() => failures >= 2);
  expect(patient.answers).toEqual([]);
  house.ledger.product = product;
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
});

test('units that come back are sold to who waits, as soon as the desk is told', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  await house.gate.follow({ productId: PRODUCT_ID, version: 2, available: 1 }, 'any');
  await house.gate.claim(PRODUCT_ID, [1], null);
  const asked = house.truthsAsked;
  const patient = house.call(house.purchase());
  desk.enter(patient);
  await until(() => desk.stats.waited === 1);
  const { version } = (await house.real.reset(PRODUCT_ID, 1)).product!;
  await desk.follow([{ productId: PRODUCT_ID, version, available: 1 }]);
  await until(() => patient.answers.length === 1);
  expect(countKinds(patient.answers)).toEqual({ reserved: 1 });
  expect(house.truthsAsked).toBe(asked + 1); // By `follow` itself, not after a silence.
});

test('a sell-out is checked again with the ledger when the memory of it is no longer fresh', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ sold_out: 1 });
  await house.real.reset(PRODUCT_ID, 1); // By another process; nobody tells this one.
  house.passTime(FRESH_MS);
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
});

test('P5 a refusal rests on a word no older than 250 ms, also when that word was long on its way', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  house.decideFault = async (purchases, decide) => {
    const decision = await decide(purchases);
    house.passTime(FRESH_MS);
    await house.real.reset(PRODUCT_ID, 1); // By another process; nobody tells this one.
    house.decideFault = null;
    return decision;
  };
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
  expect(house.stockCache.fresh(PRODUCT_ID)).toBeUndefined();
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
});

test('P5 a refusal rests on a word no older than 250 ms: who hears an older one is decided by the ledger', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  await desk.buy(house.purchase());
  house.passTime(FRESH_MS);
  const soldOut = await house.real.product(PRODUCT_ID);
  house.ledger.product = async () => {
    house.passTime(FRESH_MS);
    return soldOut;
  };
  await house.real.reset(PRODUCT_ID, 1); // By another process, while this one's questions were under way.
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
});
