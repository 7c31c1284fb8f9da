import { afterEach, beforeEach, expect, test } from 'bun:test';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { openPurchaseFixture, type PurchaseFixture } from '../../../tests/support/purchase-fixture.ts';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Figures } from '../../domain/figures.ts';
import { RATES, type Rate, TIMES } from '../../domain/process-stats.ts';
import { createHistory } from '../ops/history.ts';
import { createHistoryRecorder, type HistoryRecorder } from './history-recorder.ts';
import { createLeader } from './leader.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let fixture: PurchaseFixture;
let recorders: HistoryRecorder[];
const troubles: string[] = [];
/** What is shown at each look; with each the clocks go on. */
let shown: Figures;
let looks: number;
let stepMs: number;
let nowMs: number;
const clock = () => nowMs;

beforeEach(async () => {
  fixture = await openPurchaseFixture({ units: 10 });
  recorders = [];
  shown = figures();
  looks = 0;
  stepMs = 1_000;
  nowMs = fixture.clock();
  troubles.length = 0;
});
afterEach(async () => {
  await Promise.all(recorders.map((one) => one.close()));
  await fixture.close();
});

function figures({ rates = {}, sold = 0, oldestAgeMs = 0, purchases = 0 } = {}): Figures {
  const perSecond = Object.fromEntries(RATES.map((name) => [name, 0])) as Record<Rate, number>;
  const times = Object.fromEntries(TIMES.map((name) => [name, null])) as Figures['total']['times'];
  return {
    total: {
      instances: 1,
      perSecond: { ...perSecond, ...rates },
      times,
      recent: { perSecond: { ...perSecond, ...rates }, times },
      ageMs: 5,
    },
    instances: [
      {
        ...{ instance: 'shop:1', windowMs: 10_000, perSecond, times, uptimeMs: 1, ageMs: 5 },
        ...{ eventLoopP99Ms: 21.04, cpuShare: 0.5, rssBytes: 1_000 },
      },
    ],
    backlog: { purchases, oldestAgeMs, paymentsOldestAgeMs: 0 },
    units: [{ productId: 1, total: 10, available: 10 - sold, reserved: 0, sold }],
  };
}

function start(owner = 'a', keepMs = 24 * HOUR_MS): HistoryRecorder {
  const leader = createLeader(fixture.ledger, owner);
  const recorder = createHistoryRecorder({
    ledger: fixture.ledger,
    async figures() {
      pass(stepMs);
      looks++;
      return shown;
    },
    clock,
    isLeader: leader.isLeader,
    keepMs,
    log: keptLog(troubles),
    everyMs: 1,
  });
  recorder.start();
  recorders.push(recorder);
  return recorder;
}

function pass(ms: number): void {
  nowMs += ms;
  // Where leases end.
  fixture.passTime(ms);
}

const seen = async (count: number) => {
  const from = looks;
  await until(() => looks >= from + count);
};
const all = async () => (await createHistory({ ledger: fixture.ledger, clock }).read(0, null, 2_000)).samples;
const soldIn = async () => (await all()).map(({ units }) => units![0]!.sold);

test('a sale is kept second by second, from the quiet before it to the quiet after it, as it was seen', async () => {
  start();
  await seen(5);
  shown = figures({ rates: { reserved: 2.5, syncAttempts: 10 }, sold: 3 });
  await seen(4);
  shown = figures({ sold: 4 });
  await seen(20);
  const kept = await all();
  const busy = kept.filter(({ total }) => total.perSecond.reserved > 0);
  expect(busy.length).toBeWithin(3, 7);
  const [first, second] = [kept[0]!, kept[1]!];
  expect([first.units![0]!.sold, second.units![0]!.sold]).toEqual([0, 0]);
  // The very last quiet second, so that the chart rises where the sale began.
  expect(busy[0]!.at - second.at).toBe(1_000);
  expect(kept.at(-1)!.units![0]!.sold).toBe(4);
  expect(kept.length).toBeLessThan(2 + busy.length + 3);
  const { total, units, backlog } = figures({ rates: { reserved: 2.5, syncAttempts: 10 }, sold: 3 });
  expect(busy[1]).toEqual({
    at: busy[0]!.at + 1_000,
    total: { instances: 1, ...total.recent },
    instances: [{ instance: 'shop:1', eventLoopP99Ms: 21, cpuShare: 0.5, rssBytes: 1_000 }],
    backlog,
    units,
  });
});

test('nothing happens: a sample a minute; dead letters alone are no event', async () => {
  shown = figures({ purchases: 3 });
  start();
  await seen(200);
  expect((await all()).length).toBeWithin(3, 6);
});

test('the samples of a long sale get further apart, up to ten seconds', async () => {
  shown = figures({ rates: { syncAttempts: 1 } });
  start();
  const keptIn = async (count: number) => {
    const from = nowMs;
    await seen(count);
    const until = nowMs;
    return (await all()).filter(({ at }) => at > from && at <= until).length / count;
  };
  expect(await keptIn(40)).toBeGreaterThan(0.9);
  stepMs = 9 * MINUTE_MS;
  await seen(20);
  stepMs = 1_000;
  expect(await keptIn(40)).toBeWithin(0.2, 0.4);
  stepMs = 9 * MINUTE_MS;
  await seen(100);
  stepMs = 1_000;
  expect(await keptIn(60)).toBeWithin(0.08, 0.15);
});

test('one of two keeps samples, and the other one when the first has gone', async () => {
  const first = start('a');
  await seen(3);
  start('b');
  await seen(20);
  shown = figures({ sold: 1 });
  await seen(10);
  expect((await soldIn()).filter((sold) => sold === 1).length).toBeWithin(1, 3);
  await first.close();
  shown = figures({ sold: 2 });
  // The lease of the first has to run out: no time passes by itself, and nobody looks until then.
  pass(10_000);
  await seen(3);
  expect((await soldIn()).at(-1)).toBe(2);
});

test('what cannot be written is lost, said once, and later samples are kept', async () => {
  const { keepSample } = fixture.ledger;
  let tries = 0;
  fixture.ledger.keepSample = async () => {
    tries++;
    throw new AppError('unavailable', 'for the test');
  };
  shown = figures({ rates: { paid: 1 } });
  start();
  await until(() => tries > 5);
  expect(troubles).toEqual(['a sample of the history was lost']);
  expect(await all()).toEqual([]);
  fixture.ledger.keepSample = keepSample;
  await until(async () => (await all()).length > 2);
  expect(troubles).toHaveLength(1);
});

test('samples older than asked for go', async () => {
  start('a', 10 * MINUTE_MS);
  stepMs = 10_000;
  await seen(100);

  const kept = await all();
  expect(kept.length).toBeWithin(8, 13);
  expect(kept[0]!.at).toBeGreaterThan(nowMs - 12 * MINUTE_MS);
});

test('a page opened late is shown the last sale from its beginning, and a day of one that never rests', async () => {
  const history = createHistory({ ledger: fixture.ledger, clock });
  const { from, to } = await history.read(null, null, 600);
  expect(to - from).toBe(2 * HOUR_MS);
  start();
  await seen(5);
  shown = figures({ rates: { reserved: 1 } });
  await seen(5);
  shown = figures();
  stepMs = MINUTE_MS;
  await seen(13);
  stepMs = 1_000;
  await seen(2);
  const before = nowMs;
  shown = figures({ rates: { reserved: 1 } });
  await seen(5);
  shown = figures();
  stepMs = 10_000;
  await seen(30);
  const shownLate = await history.read(null, null, 600);
  expect(shownLate.from).toBeWithin(before - 15_000, before + 1);
  expect(shownLate.samples.filter(({ total }) => total.perSecond.reserved > 0).length).toBeWithin(4, 8);
});
