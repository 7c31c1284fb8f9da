import { expect, test } from 'bun:test';
import { restFor } from './charges.ts';

const leasedAfterMs = (waitedMs: number, holdMs = 600_000) => ({
  order: { createdAt: 1_000, expiresAt: 1_000 + holdMs },
  beganAt: 1_000 + waitedMs,
});

test('charging rests while orders keep coming in, unless one of the batch has waited for five seconds', () => {
  const young = leasedAfterMs(10);
  expect(restFor([young, leasedAfterMs(5_000)], 0)).toBe(100);
  expect(restFor([young, leasedAfterMs(5_001)], 0)).toBe(0);
  expect(restFor([young], 50)).toBe(0);
});

test('of a hold shorter than ten seconds charging rests for the first half alone', () => {
  expect(restFor([leasedAfterMs(2_000, 4_000)], 0)).toBe(100);
  expect(restFor([leasedAfterMs(2_001, 4_000)], 0)).toBe(0);
});
