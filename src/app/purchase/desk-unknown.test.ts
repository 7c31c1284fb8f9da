import { afterEach, expect, test } from 'bun:test';
import {
  countKinds,
  type DecideFault,
  keyOf,
  openPurchaseHouse,
  type PurchaseHouse,
  RESOLVED,
} from '../../../tests/support/purchase-house.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Purchase } from '../../domain/purchase.ts';

let house: PurchaseHouse;
afterEach(async () => {
  expect(await house.breaches()).toEqual([]);
  await house.close();
});

const cut = () => new AppError('outcome_unknown', 'cut during the commit');

/** The answer of the first `times` batches is cut off, after their commit or before it. */
function cutOff(times: number, { committed }: { committed: boolean }): DecideFault {
  let cuts = 0;
  return async (purchases, decide) => {
    if (cuts++ >= times) return decide(purchases);
    if (committed) await decide(purchases);
    throw cut();
  };
}

for (const committed of [true, false]) {
  const when = committed ? 'after it was made' : 'before it was made';
  test(`a commit cut off ${when} is found out, and everybody gets the true answer`, async () => {
    house = await openPurchaseHouse({ units: 5 });
    const desk = house.desk();
    house.decideFault = cutOff(2, { committed });
    const wishes = Array.from({ length: 8 }, (_, i) =>
      house.purchase(i === 0 ? { key: keyOf('first') } : {}),
    );
    const outcomes = await Promise.all(wishes.map(desk.buy));
    expect(countKinds(outcomes)).toEqual({ reserved: 5, sold_out: 3 });
    expect(await house.units()).toEqual({ available: 0, reserved: 5 });
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.kind === 'reserved') expect(outcome.order.id).toBe(wishes[i]!.id);
    }
    expect(desk.stats).toMatchObject({ inside: 0, pending: 0 });
    const again = await desk.buy(house.purchase({ key: keyOf('first') }));
    expect(again).toMatchObject({ order: { id: wishes[0]!.id }, repeated: true });
  });
}

test('buyers who wait behind a batch of unknown outcome are served when it is known', async () => {
  house = await openPurchaseHouse({ units: 3 });
  const desk = house.desk();
  house.decideFault = cutOff(1, { committed: false });
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => desk.buy(house.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 3, sold_out: 3 });
});

test('a bug of one purchase does not hide the answers of those whose commit was cut off with it', async () => {
  house = await openPurchaseHouse();
  const desk = house.desk();
  const broken = house.purchase({ quantity: 0 });
  let isFirst = true;
  house.decideFault = async (purchases, decide) => {
    if (!isFirst) return decide(purchases);
    isFirst = false;
    throw cut();
  };
  const answers = await Promise.allSettled([house.purchase(), broken, house.purchase()].map(desk.buy));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(desk.stats).toMatchObject({ inside: 0, pending: 0 });
});

test('when nobody knows for too long the buyer is told so, and it is found out in the end', async () => {
  house = await openPurchaseHouse({ units: 2 });
  const desk = house.desk({ answerWithinMs: 200 });
  house.decideFault = cutOff(Number.POSITIVE_INFINITY, { committed: true });
  const wishes = [house.purchase(), house.purchase()];
  const calls = wishes.map((wish) => house.call(wish));
  for (const call of calls) desk.enter(call);
  await until(() => calls.every(({ answers }) => answers.length > 0));
  expect(countKinds(calls.flatMap(({ answers }) => answers))).toEqual({ outcome_unknown: 2 });
  expect(desk.stats).toMatchObject({ inside: 0, pending: 2 });

  house.decideFault = null;
  await until(() => desk.stats.pending === 0);
  expect(calls.map(({ answers }) => answers[1])).toEqual([RESOLVED, RESOLVED]);
  const found = await house.real.find(wishes.map(({ id }) => id));
  expect([...found.keys()]).toEqual(wishes.map(({ id }) => id));
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ sold_out: 1 });
  expect(await house.units()).toEqual({ available: 0, reserved: 2 });
});

test('unavailable after a cut says nothing about the first try, so the question goes on', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  let tries = 0;
  house.decideFault = async (purchases, decide) => {
    tries++;
    if (tries === 1) {
      await decide(purchases);
      throw cut();
    }
    if (tries < 4) throw new AppError('unavailable', 'still down');
    return decide(purchases);
  };
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
  expect(tries).toBe(4);
});

test('closing ends while the ledger stays silent, and says that the outcome is unknown', async () => {
  house = await openPurchaseHouse();
  const desk = house.desk();
  house.decideFault = cutOff(Number.POSITIVE_INFINITY, { committed: false });
  const call = house.call(house.purchase());
  desk.enter(call);
  await until(() => house.batches.length > 1);
  await desk.close();
  expect(countKinds(call.answers.slice(0, 1))).toEqual({ outcome_unknown: 1 });
});

test('P1 a refusal is final: a first asking that arrives after it gets nothing, though there are units again', async () => {
  house = await openPurchaseHouse({ units: 1 });
  const desk = house.desk();
  const late: Purchase[] = [];
  house.decideFault = async (purchases, decide) => {
    if (late.length > 0) return decide(purchases);
    late.push(...purchases);
    // Its last unit goes to somebody else, while the statement is on its way.
    await house.real.decide([house.purchase()]);
    throw cut();
  };
  const wish = house.purchase();
  expect(await desk.buy(wish)).toMatchObject({ kind: 'refused', code: 'sold_out' });
  await house.real.reset(1, 5);
  expect((await house.real.decide(late)).outcomes).toMatchObject([{ kind: 'refused', code: 'sold_out' }]);
  expect(await house.units()).toEqual({ available: 5, reserved: 1 });
});

test('P1 a refusal is final: what was told "not taken in time" is not taken later', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk({ answerWithinMs: 200 });
  const ledger = Promise.withResolvers<void>();
  house.decideFault = async (purchases, decide) => {
    await ledger.promise;
    return decide(purchases);
  };
  const [first, behind] = [house.call(house.purchase()), house.call(house.purchase())];
  desk.enter(first);
  await until(() => house.batches.length === 1);
  desk.enter(behind);
  await until(() => first.answers.length + behind.answers.length === 2);
  expect(countKinds([...first.answers, ...behind.answers])).toEqual({ outcome_unknown: 1, unavailable: 1 });
  ledger.resolve();
  await until(() => desk.stats.pending === 0);
  expect(first.answers[1]).toBe(RESOLVED);
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
  expect(house.batches.flat()).not.toContain(behind.purchase);
});

test('P7 one deadline: gate, ledger and all waiting together take no longer than a purchase may', async () => {
  house = await openPurchaseHouse({ units: 5 });
  const desk = house.desk({ answerWithinMs: 300 });
  const gateAnswers = Promise.withResolvers<void>();
  const { claim } = house.gate;
  house.gate.claim = async (...asked) => {
    await gateAnswers.promise;
    return claim(...asked);
  };
  const call = house.call(house.purchase());
  const startedAtMs = performance.now();
  desk.enter(call);
  await until(() => call.answers.length > 0);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(300);
  expect(countKinds(call.answers)).toEqual({ unavailable: 1 });
  gateAnswers.resolve();
  expect(countKinds([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
  expect(house.batches.flat()).not.toContain(call.purchase);
});
