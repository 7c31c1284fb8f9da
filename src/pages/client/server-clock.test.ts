import { expect, test } from 'bun:test';
import { createServerClock } from './server-clock.ts';

const START = '2026-11-27T09:00:00.000Z';
const after = (ms: number) => new Date(Date.parse(START) + ms).toISOString();

test('the clock counts on by the monotonic time, whatever the date of the computer is', () => {
  let monotonicMs = 5_000;
  const clock = createServerClock(START, () => monotonicMs);
  monotonicMs += 2_500;
  expect(clock.now()).toBe(Date.parse(after(2_500)));
});

test('news that took longer changes nothing, and news that took less brings the clock nearer', () => {
  let monotonicMs = 0;
  const clock = createServerClock(START, () => monotonicMs);
  monotonicMs = 1_000;
  clock.heard(after(400));
  expect(clock.now()).toBe(Date.parse(after(1_000)));
  clock.heard(after(1_300));
  expect(clock.now()).toBe(Date.parse(after(1_300)));
});

test('after a sleep the clock believes what it hears, later or earlier', () => {
  let monotonicMs = 0;
  const clock = createServerClock(START, () => monotonicMs);
  monotonicMs = 1_000;
  clock.heard(after(60_000), true);
  expect(clock.now()).toBe(Date.parse(after(60_000)));
  clock.heard(after(2_000), true);
  expect(clock.now()).toBe(Date.parse(after(2_000)));
});
