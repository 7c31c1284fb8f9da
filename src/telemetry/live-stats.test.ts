import { afterEach, expect, jest, test } from 'bun:test';
import { runToEnd } from '../../tests/support/command.ts';
import { linkedFeeds } from '../../tests/support/other-processes.ts';
import { until } from '../../tests/support/until.ts';
import { RATES } from '../domain/process-stats.ts';
import type { Queue } from '../ports/queue.ts';
import { createLatencies, percentileMs } from './latencies.ts';
import { createLiveStats, type LiveStats } from './live-stats.ts';
import { createMetrics } from './metrics.ts';

const started: LiveStats[] = [];
afterEach(() => {
  for (const liveStats of started.splice(0)) liveStats.close();
  jest.useRealTimers();
});

function scene(instance: string, openFeed = linkedFeeds(), queue: Pick<Queue, 'consumers'> = {}) {
  const feed = openFeed();
  const metrics = createMetrics();
  const intake = { stats: { accepted: 0, soldOut: 0, messages: 0, inside: 0 } };
  const worker = { stats: { decided: 0, retried: 0, deadLettered: 0, tooOld: 0, reserved: 0, refused: 0 } };
  const payments = {
    stats: { paid: 0, declined: 0, expired: 0, failedAttempts: 0, unanswered: 0, inFlight: 0 },
  } as Parameters<typeof createLiveStats>[0]['payments'];
  const liveStats = createLiveStats({
    instance,
    metrics,
    intake,
    worker,
    payments,
    queue,
    feed,
    everyMs: 20,
  });
  liveStats.start();
  started.push(liveStats);
  return { metrics, intake, worker, liveStats, openFeed };
}

test('what is counted becomes rates, and what is timed becomes percentiles', async () => {
  const { metrics, intake, worker, liveStats } = scene('a');
  for (let i = 0; i < 30; i++)
    metrics.answered('sync', i < 20 ? 'reserved' : 'sold_out', performance.now() - 8);
  metrics.answered('sync', 'overloaded', null);
  metrics.answered('async', 'accepted', performance.now());
  worker.stats.reserved += 2;
  worker.stats.refused += 1;
  intake.stats.soldOut += 4;
  metrics.confirmTimes.record(30);
  await until(() => (liveStats.now()[0]?.stats.perSecond.syncAttempts ?? 0) > 0);
  const [{ stats, ageMs }] = liveStats.now() as [ReturnType<LiveStats['now']>[number]];
  const counted = Object.fromEntries(
    RATES.map((name) => [name, Math.round((stats.perSecond[name] * stats.windowMs) / 1000)]),
  );
  expect(counted).toMatchObject({
    syncAttempts: 31,
    asyncAttempts: 1,
    reserved: 22,
    refused: 15,
    confirmed: 7,
  });
  expect(stats.times.syncP99Ms).toBeWithin(5, 26);
  expect(stats.times.confirmP99Ms).toBeWithin(25, 51);
  // Of the last moments alone: what was counted before is over.
  await until(() => liveStats.now()[0]!.stats.recent!.perSecond.syncAttempts === 0);
  expect(liveStats.now()[0]!.stats.recent!.windowMs).toBeLessThanOrEqual(liveStats.now()[0]!.stats.windowMs);
  expect(stats.rssBytes).toBeGreaterThan(1e6);
  expect(ageMs).toBeLessThan(10_000);
});

test('every process knows the stats of all, and those of nothing timed are null', async () => {
  const here = scene('a');
  const there = scene('b', here.openFeed);
  await until(() => here.liveStats.now().length === 2 && there.liveStats.now().length === 2);
  expect(
    here.liveStats
      .now()
      .map(({ stats }) => stats.instance)
      .toSorted(),
  ).toEqual(['a', 'b']);
  expect(here.liveStats.now()[0]!.stats.times).toEqual({
    syncP50Ms: null,
    syncP99Ms: null,
    acceptP99Ms: null,
    confirmP99Ms: null,
  });
});

test('consumers of other processes are known until those are silent for three seconds', () => {
  jest.useFakeTimers();
  const stats = { unacknowledged: 4, oldestAt: 1_000, frontAt: null };
  const consumers = () => ({ purchases: stats });
  const here = scene('a', undefined, { consumers });
  const there = scene('b', here.openFeed, { consumers });
  jest.advanceTimersByTime(20);
  expect(here.liveStats.consumersElsewhere()).toEqual([{ purchases: stats }]);
  there.liveStats.close();
  jest.advanceTimersByTime(2_900);
  expect(here.liveStats.consumersElsewhere()).toHaveLength(1);
  jest.advanceTimersByTime(200);
  expect(here.liveStats.consumersElsewhere()).toEqual([]);
  expect(here.liveStats.now()).toHaveLength(2);
});

test('a percentile lies in the bucket that holds it', () => {
  const latencies = createLatencies();
  for (let ms = 1; ms <= 100; ms++) latencies.record(ms);
  const { cumulative } = latencies.read();
  expect(percentileMs(cumulative, 0.5)).toBe(50);
  expect(percentileMs(cumulative, 0.99)).toBe(99);
  latencies.record(1e9);
  expect(percentileMs(latencies.read().cumulative, 1)).toBe(30_000);
  expect(percentileMs(createLatencies().read().cumulative, 0.5)).toBeNull();
});

test.skipIf(process.platform !== 'linux')(
  'B7 a process that is full of connections goes on telling its stats, with the last memory it could read',
  async () => {
    const script = `
      import { openSync } from 'node:fs';
      import { createMetrics } from '${import.meta.dir}/metrics.ts';
      import { createLiveStats } from '${import.meta.dir}/live-stats.ts';
      const stats = new Proxy({}, { get: () => 0 });
      let told = 0;
      let isFull = false;
      createLiveStats({
        instance: 'one', metrics: createMetrics(), intake: { stats }, worker: { stats }, payments: { stats }, queue: {}, everyMs: 5,
        feed: {
          subscribe: () => () => {},
          publishStats({ rssBytes }) {
            if (++told === 1) fill();
            if (told < 4) return;
            console.log(isFull, rssBytes > 0);
            process.exit(0);
          },
        },
      }).start();
      setInterval(() => {}, 1000);
      function fill() {
        try {
          for (;;) openSync('/dev/null', 'r');
        } catch {
          isFull = true;
        }
      }`;
    const command = ['sh', '-c', 'ulimit -n 200; exec "$0" -e "$1"', process.execPath, script];
    expect(await runToEnd(command)).toEqual({ exit: 0, stdout: 'true true\n', stderr: '' });
  },
);
