import { afterEach, beforeEach, expect, jest, test } from 'bun:test';
import { createRounds, inSlices } from './rounds.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Lets what a round does after its timer come to its end. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test('a round begins at once when it was quiet, and the next one when its time has come, for all that was asked', async () => {
  let told = 0;
  const rounds = createRounds(
    async () => void told++,
    () => 50,
  );
  rounds.ask();
  await pass(1);
  expect(told).toBe(1);
  for (let i = 0; i < 10; i++) rounds.ask();
  await pass(45);
  expect(told).toBe(1);
  await pass(10);
  expect(told).toBe(2);
  await pass(1_000);
  expect(told).toBe(2);
  rounds.ask();
  await pass(1);
  expect(told).toBe(3);
});

test('the pace is that of the moment', async () => {
  let told = 0;
  let paceMs = 250;
  const rounds = createRounds(
    async () => void told++,
    () => paceMs,
  );
  for (let i = 0; i < 100; i++) {
    rounds.ask();
    await pass(10);
  }
  expect(told).toBe(4);
  paceMs = 50;
  for (let i = 0; i < 100; i++) {
    rounds.ask();
    await pass(10);
  }
  expect(told).toBeGreaterThanOrEqual(20);
  expect(told).toBeLessThanOrEqual(25);
});

test('a round that takes long is not overtaken by the next, which follows it', async () => {
  const ends: (() => void)[] = [];
  const rounds = createRounds(
    () => new Promise((resolve) => void ends.push(resolve)),
    () => 50,
  );
  rounds.ask();
  await pass(1);
  rounds.ask();
  await pass(500);
  expect(ends).toHaveLength(1);
  ends[0]!();
  await pass(0);
  await pass(1);
  expect(ends).toHaveLength(2);
});

test('many are told in slices, and others get their turn in between', async () => {
  jest.useRealTimers();
  let done = 0;
  let doneAtFirstTurn = 0;
  setImmediate(() => {
    doneAtFirstTurn = done;
  });
  await inSlices(new Array(1_000).fill(0), () => done++);
  expect(done).toBe(1_000);
  expect(doneAtFirstTurn).toBeLessThan(500);
});

test('closing lets the round under way end, tells what is left, and then nothing any more', async () => {
  const ends: (() => void)[] = [];
  const rounds = createRounds(
    () => new Promise((resolve) => void ends.push(resolve)),
    () => 50,
  );
  rounds.ask();
  await pass(1);
  rounds.ask();
  const closed = rounds.close();
  await pass(1_000);
  expect(ends).toHaveLength(1);
  ends[0]!();
  await pass(1);
  expect(ends).toHaveLength(2);
  ends[1]!();
  await closed;
  rounds.ask();
  await pass(1_000);
  expect(ends).toHaveLength(2);
});
