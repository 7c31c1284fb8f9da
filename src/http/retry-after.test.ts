import { expect, test } from 'bun:test';
import { createRetryAfter } from './retry-after.ts';

/** Draws every value in turn, so that what is counted is no matter of luck. */
function evenly(): () => number {
  let drawn = 0;
  return () => (drawn++ % 30) / 30;
}

function sentAway(callers: number, nowMs = 0): number[] {
  const retryAfter = createRetryAfter(() => nowMs, evenly());
  return Array.from({ length: callers }, () => retryAfter.next());
}

test('B22 callers who are refused at the same moment are sent away for different times of at least a second', () => {
  const times = new Set(sentAway(300));
  expect([...times].sort()).toEqual([1, 2, 3]);
});

test('B22 the more callers are refused in a second, the longer are the last of them sent away, and never beyond half a minute', () => {
  const longest = (callers: number) => Math.max(...sentAway(callers).slice(-30));
  expect([300, 5_000, 100_000].map(longest)).toEqual([3, 10, 30]);
});

test('B22 the next second begins with what the last one had, and a quiet second ends that', () => {
  let nowMs = 0;
  const retryAfter = createRetryAfter(
    () => nowMs,
    () => 0.999,
  );
  for (let i = 0; i < 5_000; i++) retryAfter.next();
  nowMs = 1_000;
  expect(retryAfter.next()).toBe(10);
  nowMs = 3_000;
  expect(retryAfter.next()).toBe(3);
});
