import { expect, test } from 'bun:test';
import { madeUpReport, madeUpRun } from '../../tests/support/report-data.ts';
import { findingsOf } from './findings.ts';
import type { Run } from './report-data.ts';

/** A load of the sweep, whose outcome took 1 to 100 times `unitMs`. */
function load(way: 'sync' | 'async', offeredPerS: number, unitMs: number, changes: Partial<Run> = {}): Run {
  return madeUpRun({ way, offeredPerS, elapsedMs: 100, ...changes }, unitMs);
}

test('the knee is the last load before the p99 leaps, or before outcomes fall behind', () => {
  const { knees } = findingsOf(
    madeUpReport(
      {},
      {
        sweepRuns: [
          load('sync', 1000, 1),
          load('sync', 2000, 1.5),
          load('sync', 3000, 9),
          load('async', 1000, 1),
          load('async', 2000, 1, { elapsedMs: 300 }),
          load('async', 3000, 1),
        ],
      },
    ),
  );
  expect(knees).toEqual({
    sync: { keepsUpPerS: 2000, failsPerS: 3000 },
    async: { keepsUpPerS: 1000, failsPerS: 2000 },
  });
});

test('the advice follows from the figures: sync while it is quick and turns nobody away', () => {
  const choice = (changes: Parameters<typeof madeUpReport>[0]) =>
    findingsOf(madeUpReport(changes)).advice.choice;
  expect(choice({ sync: [1, 1, 1], async: [1, 1, 1] })).toBe('Sync, for a sale like this one.');
  expect(choice({ sync: [1, 1, 20], async: [1, 1, 1] })).toBe('Async, for a sale like this one.');
  expect(choice({ sync: [20, 20, 20], async: [20, 20, 20] })).toBe('Neither: more instances.');
  const turnedAway = madeUpReport();
  const saleRuns = turnedAway.saleRuns.map((run) => ({ ...run, outcomes: { sold: 10, overloaded: 1 } }));
  expect(findingsOf({ ...turnedAway, saleRuns }).advice.choice).toStartWith('Async');
});

test('a difference within the spread of the repeats is none that was shown', () => {
  const answers = (changes: Parameters<typeof madeUpReport>[0]) =>
    findingsOf(madeUpReport(changes)).advice.questions.map(({ answer }) => answer);
  expect(answers({ sync: [1, 1.1, 1.2], async: [2, 2.1, 2.2] })[0]).toBe('Sync.');
  expect(answers({ sync: [1, 1.1, 2.05], async: [2, 2.1, 2.2] })[0]).toBe('No difference shown.');
  expect(answers({ sync: [1, 1], async: [2, 2] })[0]).toBe('No difference shown.');
});

test('a verdict that failed once fails, and says where', () => {
  const report = madeUpReport();
  const failed = { name: 'no oversell', pass: false, detail: '11 of 10' };
  const saleRuns = [...report.saleRuns, madeUpRun({ way: 'async', verdicts: [failed] })];
  const [verdict] = findingsOf({ ...report, saleRuns }).verdicts;
  expect(verdict).toMatchObject({ name: 'no oversell', pass: false });
  expect(verdict!.detail).toStartWith('in 1 of 7 runs, first async at 100/s: 11 of 10');
});

test('a generator that was the bottleneck is warned of', () => {
  const busy = madeUpRun({ generator: { cpuShare: 0.97, latenessP99Ms: 80 } });
  const warned = findingsOf(madeUpReport({}, { sweepRuns: [busy] })).warnings;
  expect(warned[0]).toContain(
    "In 1 of 7 runs latencies are partly the load generator's own. The first, sync at 100/s: " +
      'the generator was the bottleneck: it used 97 % of a core, and a hundredth',
  );
  expect(findingsOf(madeUpReport()).warnings.join()).not.toContain('bottleneck');
});
