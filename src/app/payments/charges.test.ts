import { expect, test } from 'bun:test';
import { restFor } from './charges.ts';

const leasedAfterMs = (waitedMs: number) => ({ order: { createdAt: 1_000 }, beganAt: 1_000 + waitedMs });

test('charging rests while orders keep coming in, unless one of the batch has waited for five seconds', () => {
  const young = leasedAfterMs(10);
  expect(restFor([young, leasedAfterMs(5_000)], 0)).toBe(100);
  expect(restFor([young, leasedAfterMs(5_001)], 0)).toBe(0);
  expect(restFor([young], 50)).toBe(0);
});
