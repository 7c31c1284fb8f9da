import { afterEach, expect, test } from 'bun:test';
import {
  type DecideFault,
  keyOf,
  openPurchaseHouse,
  type PurchaseHouse,
  tally,
} from '../../test/support/purchase-house.ts';
import { until } from '../../test/support/until.ts';
import { AppError } from '../domain/errors.ts';

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
    expect(tally(outcomes)).toEqual({ reserved: 5, sold_out: 3 });
    expect(await house.units()).toEqual({ available: 0, reserved: 5 });
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.kind === 'reserved') expect(outcome.order.id).toBe(wishes[i]!.id);
      expect(desk.isPending(wishes[i]!.id)).toBe(false);
    }
    const again = await desk.buy(house.purchase({ key: keyOf('first') }));
    expect(again).toMatchObject({ order: { id: wishes[0]!.id }, repeated: true });
  });
}

test('buyers who wait behind a batch of unknown outcome are served when it is known', async () => {
  house = await openPurchaseHouse({ units: 3 });
  const desk = house.desk();
  house.decideFault = cutOff(1, { committed: false });
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => desk.buy(house.purchase())));
  expect(tally(outcomes)).toEqual({ reserved: 3, sold_out: 3 });
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
  expect(desk.isPending(broken.id)).toBe(false);
});

test('when nobody knows for too long the buyer is told so, the order reads pending, and it is found out in the end', async () => {
  house = await openPurchaseHouse({ units: 2 });
  const desk = house.desk();
  house.decideFault = cutOff(Number.POSITIVE_INFINITY, { committed: true });
  const wishes = [house.purchase(), house.purchase()];
  const answers = await Promise.allSettled(wishes.map(desk.buy));
  expect(tally(answers.map((a) => a.status === 'rejected' && a.reason))).toEqual({ outcome_unknown: 2 });
  expect(wishes.map(({ id }) => desk.isPending(id))).toEqual([true, true]);
  expect(desk.stats.inside).toBe(0);

  house.decideFault = null;
  await until(() => wishes.every(({ id }) => !desk.isPending(id)));
  const found = await house.real.find(wishes.map(({ id }) => id));
  expect([...found.keys()]).toEqual(wishes.map(({ id }) => id));
  expect(tally([await desk.buy(house.purchase())])).toEqual({ sold_out: 1 });
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
  expect(tally([await desk.buy(house.purchase())])).toEqual({ reserved: 1 });
  expect(tries).toBe(4);
});

test('closing ends while the ledger stays silent, and says that the outcome is unknown', async () => {
  house = await openPurchaseHouse();
  const desk = house.desk();
  house.decideFault = cutOff(Number.POSITIVE_INFINITY, { committed: false });
  const call = house.call(house.purchase());
  desk.enter(call);
  await until(() => desk.isPending(call.purchase.id));
  await desk.close();
  expect(tally(call.answers)).toEqual({ outcome_unknown: 1 });
});
