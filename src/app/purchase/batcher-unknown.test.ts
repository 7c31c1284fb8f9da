import { afterEach, expect, test } from 'bun:test';
import {
  countKinds,
  type DecideFault,
  keyOf,
  openPurchaseFixture,
  type PurchaseFixture,
  RESOLVED,
} from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Purchase } from '../../domain/purchase.ts';

let fixture: PurchaseFixture;
afterEach(async () => {
  expect(await fixture.breaches()).toEqual([]);
  await fixture.close();
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
    fixture = await openPurchaseFixture({ units: 5 });
    const batcher = fixture.batcher();
    fixture.decideFault = cutOff(2, { committed });
    const requests = Array.from({ length: 8 }, (_, i) =>
      fixture.purchase(i === 0 ? { key: keyOf('first') } : {}),
    );
    const outcomes = await Promise.all(requests.map(batcher.buy));
    expect(countKinds(outcomes)).toEqual({ reserved: 5, sold_out: 3 });
    expect(await fixture.units()).toEqual({ available: 0, reserved: 5 });
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.kind === 'reserved') expect(outcome.order.id).toBe(requests[i]!.id);
    }
    expect(batcher.stats).toMatchObject({ inside: 0, pending: 0 });
    const again = await batcher.buy(fixture.purchase({ key: keyOf('first') }));
    expect(again).toMatchObject({ order: { id: requests[0]!.id }, repeated: true });
  });
}

test('buyers who wait behind a batch of unknown outcome are served when it is known', async () => {
  fixture = await openPurchaseFixture({ units: 3 });
  const batcher = fixture.batcher();
  fixture.decideFault = cutOff(1, { committed: false });
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => batcher.buy(fixture.purchase())));
  expect(countKinds(outcomes)).toEqual({ reserved: 3, sold_out: 3 });
});

test('a bug of one purchase does not hide the answers of those whose commit was cut off with it', async () => {
  fixture = await openPurchaseFixture();
  const batcher = fixture.batcher();
  const broken = fixture.purchase({ quantity: 0 });
  let isFirst = true;
  fixture.decideFault = async (purchases, decide) => {
    if (!isFirst) return decide(purchases);
    isFirst = false;
    throw cut();
  };
  const answers = await Promise.allSettled([fixture.purchase(), broken, fixture.purchase()].map(batcher.buy));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(batcher.stats).toMatchObject({ inside: 0, pending: 0 });
});

test('when nobody knows for too long the buyer is told so, and it is found out in the end', async () => {
  fixture = await openPurchaseFixture({ units: 2 });
  const batcher = fixture.batcher({ answerWithinMs: 200 });
  fixture.decideFault = cutOff(Number.POSITIVE_INFINITY, { committed: true });
  const requests = [fixture.purchase(), fixture.purchase()];
  const calls = requests.map((request) => fixture.call(request));
  for (const call of calls) batcher.enter(call);
  await until(() => calls.every(({ answers }) => answers.length > 0));
  expect(countKinds(calls.flatMap(({ answers }) => answers))).toEqual({ outcome_unknown: 2 });
  expect(batcher.stats).toMatchObject({ inside: 0, pending: 2 });

  fixture.decideFault = null;
  await until(() => batcher.stats.pending === 0);
  expect(calls.map(({ answers }) => answers[1])).toEqual([RESOLVED, RESOLVED]);
  const found = await fixture.real.find(requests.map(({ id }) => id));
  expect([...found.keys()]).toEqual(requests.map(({ id }) => id));
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ sold_out: 1 });
  expect(await fixture.units()).toEqual({ available: 0, reserved: 2 });
});

test('unavailable after a cut says nothing about the first try, so the question goes on', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher();
  let tries = 0;
  fixture.decideFault = async (purchases, decide) => {
    tries++;
    if (tries === 1) {
      await decide(purchases);
      throw cut();
    }
    if (tries < 4) throw new AppError('unavailable', 'still down');
    return decide(purchases);
  };
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
  expect(tries).toBe(4);
});

test('closing ends while the ledger stays silent, and says that the outcome is unknown', async () => {
  fixture = await openPurchaseFixture();
  const batcher = fixture.batcher();
  fixture.decideFault = cutOff(Number.POSITIVE_INFINITY, { committed: false });
  const call = fixture.call(fixture.purchase());
  batcher.enter(call);
  await until(() => fixture.batches.length > 1);
  await batcher.close();
  expect(countKinds(call.answers.slice(0, 1))).toEqual({ outcome_unknown: 1 });
});

test('P1 a refusal is final: a first asking that arrives after it gets nothing, though there are units again', async () => {
  fixture = await openPurchaseFixture({ units: 1 });
  const batcher = fixture.batcher();
  const late: Purchase[] = [];
  fixture.decideFault = async (purchases, decide) => {
    if (late.length > 0) return decide(purchases);
    late.push(...purchases);
    // Its last unit goes to somebody else, while the statement is on its way.
    await fixture.real.decide([fixture.purchase()]);
    throw cut();
  };
  const request = fixture.purchase();
  expect(await batcher.buy(request)).toMatchObject({ kind: 'refused', code: 'sold_out' });
  await fixture.real.reset(1, 5);
  expect((await fixture.real.decide(late)).outcomes).toMatchObject([{ kind: 'refused', code: 'sold_out' }]);
  expect(await fixture.units()).toEqual({ available: 5, reserved: 1 });
});

test('P1 a refusal is final: what was told "not taken in time" is not taken later', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher({ answerWithinMs: 200 });
  const ledger = Promise.withResolvers<void>();
  fixture.decideFault = async (purchases, decide) => {
    await ledger.promise;
    return decide(purchases);
  };
  const [first, behind] = [fixture.call(fixture.purchase()), fixture.call(fixture.purchase())];
  batcher.enter(first);
  await until(() => fixture.batches.length === 1);
  batcher.enter(behind);
  await until(() => first.answers.length + behind.answers.length === 2);
  expect(countKinds([...first.answers, ...behind.answers])).toEqual({ outcome_unknown: 1, unavailable: 1 });
  ledger.resolve();
  await until(() => batcher.stats.pending === 0);
  expect(first.answers[1]).toBe(RESOLVED);
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
  expect(fixture.batches.flat()).not.toContain(behind.purchase);
});

test('P7 one deadline: gate, ledger and all waiting together take no longer than a purchase may', async () => {
  fixture = await openPurchaseFixture({ units: 5 });
  const batcher = fixture.batcher({ answerWithinMs: 300 });
  const gateAnswers = Promise.withResolvers<void>();
  const { claim } = fixture.gate;
  fixture.gate.claim = async (...asked) => {
    await gateAnswers.promise;
    return claim(...asked);
  };
  const call = fixture.call(fixture.purchase());
  const startedAtMs = performance.now();
  batcher.enter(call);
  await until(() => call.answers.length > 0);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(300);
  expect(countKinds(call.answers)).toEqual({ unavailable: 1 });
  gateAnswers.resolve();
  expect(countKinds([await batcher.buy(fixture.purchase())])).toEqual({ reserved: 1 });
  expect(fixture.batches.flat()).not.toContain(call.purchase);
});
