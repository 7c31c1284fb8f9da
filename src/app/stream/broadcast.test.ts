import { afterEach, beforeEach, expect, jest, test } from 'bun:test';
import { createBroadcast, inSlices } from './broadcast.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Lets what a broadcast does after its timer come to its end. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test('a broadcast begins at once when it was quiet, and the next one when its time has come, for all that was requested', async () => {
  let sent = 0;
  const broadcast = createBroadcast(
    async () => void sent++,
    () => 50,
  );
  broadcast.request();
  await pass(1);
  expect(sent).toBe(1);
  for (let i = 0; i < 10; i++) broadcast.request();
  await pass(45);
  expect(sent).toBe(1);
  await pass(10);
  expect(sent).toBe(2);
  await pass(1_000);
  expect(sent).toBe(2);
  broadcast.request();
  await pass(1);
  expect(sent).toBe(3);
});

test('the pace is that of the moment', async () => {
  let sent = 0;
  let paceMs = 250;
  const broadcast = createBroadcast(
    async () => void sent++,
    () => paceMs,
  );
  for (let i = 0; i < 100; i++) {
    broadcast.request();
    await pass(10);
  }
  expect(sent).toBe(4);
  paceMs = 50;
  for (let i = 0; i < 100; i++) {
    broadcast.request();
    await pass(10);
  }
  expect(sent).toBeGreaterThanOrEqual(20);
  expect(sent).toBeLessThanOrEqual(25);
});

test('a broadcast that takes long is not overtaken by the next, which follows it', async () => {
  const ends: (() => void)[] = [];
  const broadcast = createBroadcast(
    () => new Promise((resolve) => void ends.push(resolve)),
    () => 50,
  );
  broadcast.request();
  await pass(1);
  broadcast.request();
  await pass(500);
  expect(ends).toHaveLength(1);
  ends[0]!();
  await pass(0);
  await pass(1);
  expect(ends).toHaveLength(2);
});

test('many are sent in slices, and others get their turn in between', async () => {
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
  const broadcast = createBroadcast(
    () => new Promise((resolve) => void ends.push(resolve)),
    () => 50,
  );
  broadcast.request();
  await pass(1);
  broadcast.request();
  const closed = broadcast.close();
  await pass(1_000);
  expect(ends).toHaveLength(1);
  ends[0]!();
  await pass(1);
  expect(ends).toHaveLength(2);
  ends[1]!();
  await closed;
  broadcast.request();
  await pass(1_000);
  expect(ends).toHaveLength(2);
});
