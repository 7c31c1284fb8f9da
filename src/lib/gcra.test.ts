import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { seedOf } from '../../tests/support/seed.ts';
import { charged, moreAfterUs, ratePolicy, refunded, unitsLeft, waitUs } from './gcra.ts';

const SEED = seedOf(import.meta.path);

const policies = fc
  .record({
    requests: fc.integer({ min: 1, max: 1000 }),
    periodUs: fc.constantFrom(1_000_000, 7_000_000, 60_000_000, 3_600_000_000),
    burst: fc.integer({ min: 1, max: 50 }),
  })
  .map(({ requests, periodUs, burst }) => ({
    rate: requests / periodUs,
    policy: ratePolicy(requests, periodUs, burst),
  }));
/** Gaps in intervals: many of nothing, so that limits are met; some of parts, a few long ones. */
const gaps = fc.array(
  fc.oneof(
    { weight: 30, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.double({ min: 0, max: 2, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 200, noNaN: true }) },
  ),
  { minLength: 20, maxLength: 200, size: 'max' },
);

test('in no span of time, wherever it begins, more than burst + rate × span pass', () => {
  fc.assert(
    fc.property(policies, gaps, fc.integer({ min: 0, max: 1e12 }), ({ rate, policy }, steps, startUs) => {
      const passed = run(policy, steps, startUs);
      expect(passed.length).toBeGreaterThan(0);
      for (let from = 0; from < passed.length; from++) {
        for (let to = from; to < passed.length; to++) {
          const spanUs = passed[to]! - passed[from]!;
          if (to - from + 1 > policy.burst + rate * spanUs + 1e-6) {
            throw new Error(`${to - from + 1} passed in ${spanUs} µs`);
          }
        }
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('who waits as long as was said passes, and a microsecond earlier does not', () => {
  let refusals = 0;
  fc.assert(
    fc.property(policies, gaps, ({ policy }, steps) => {
      let tatUs = 0;
      let nowUs = 1e9;
      for (const step of steps) {
        nowUs += Math.floor(step * policy.intervalUs);
        const wait = waitUs(policy, tatUs, nowUs);
        if (wait === 0) {
          tatUs = charged(policy, tatUs, nowUs);
          continue;
        }
        refusals++;
        expect(waitUs(policy, tatUs, nowUs + wait)).toBe(0);
        expect(waitUs(policy, tatUs, nowUs + wait - 1)).toBe(1);
      }
    }),
    { seed: SEED, numRuns: 100 },
  );
  expect(refusals).toBeGreaterThan(100);
});

test('what is left is how many pass at once, and one given back is one more', () => {
  fc.assert(
    fc.property(policies, gaps, ({ policy }, steps) => {
      let tatUs = 0;
      let nowUs = 1e9;
      for (const step of steps) {
        nowUs += Math.floor(step * policy.intervalUs);
        if (waitUs(policy, tatUs, nowUs) === 0) tatUs = charged(policy, tatUs, nowUs);
      }
      const left = unitsLeft(policy, tatUs, nowUs);
      let more = 0;
      for (let tat = tatUs; waitUs(policy, tat, nowUs) === 0; tat = charged(policy, tat, nowUs)) more++;
      expect(more).toBe(left);
      const moreUs = moreAfterUs(policy, tatUs, nowUs);
      if (left < policy.burst) {
        expect(unitsLeft(policy, tatUs, nowUs + moreUs)).toBe(left + 1);
        expect(unitsLeft(policy, tatUs, nowUs + moreUs - 1)).toBe(left);
      } else expect(moreUs).toBe(0);
      const back = refunded(policy, tatUs, nowUs);
      expect(unitsLeft(policy, back, nowUs)).toBe(Math.min(policy.burst, left + 1));
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('at the edge of two seconds a limit of ten per second lets ten through, not twenty', () => {
  const policy = ratePolicy(10, 1_000_000, 10);
  const justBefore = new Array(20).fill(0);
  const passed = run(policy, [...justBefore, 0.02, ...justBefore], 999_999);
  expect(passed).toHaveLength(10);
});

/** When which requests passed. */
function run(policy: { intervalUs: number; burst: number }, steps: readonly number[], startUs: number) {
  const passed: number[] = [];
  let tatUs = 0;
  let nowUs = startUs;
  for (const step of steps) {
    nowUs += Math.floor(step * policy.intervalUs);
    if (waitUs(policy, tatUs, nowUs) > 0) continue;
    tatUs = charged(policy, tatUs, nowUs);
    passed.push(nowUs);
  }
  return passed;
}
