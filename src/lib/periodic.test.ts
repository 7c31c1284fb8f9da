import { afterEach, beforeEach, expect, jest, test } from 'bun:test';
import { createPeriodic, type PeriodicOptions } from './periodic.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('nothing runs before it is asked for; from then on the pause lies between two runs', async () => {
  const { job, begun, pass } = scene({ everyMs: 100 });
  await pass(1_000);
  expect(begun()).toBe(0);
  job.runIn(30);
  await pass(29);
  expect(begun()).toBe(0);
  await pass(1);
  expect(begun()).toBe(1);
  await pass(99);
  expect(begun()).toBe(1);
  await pass(1);
  expect(begun()).toBe(2);
});

test('the earliest of several calls counts, and one run serves them all', async () => {
  const { job, begun, pass } = scene({ retryMs: 1_000 });
  job.runIn(50);
  job.runIn(10);
  job.runIn(90);
  await pass(10);
  expect(begun()).toBe(1);
  await pass(1_000);
  expect(begun()).toBe(1);
});

test('a run that is asked for while one is under way begins after it', async () => {
  const { job, begun, pass, hold } = scene({ everyMs: 1_000 });
  const letGo = hold();
  job.runIn(0);
  await pass(0);
  job.runIn(5);
  await pass(500);
  expect(begun()).toBe(1);
  letGo();
  await pass(0);
  expect(begun()).toBe(2);
});

test('the pause after a slow run begins at its end', async () => {
  const { job, begun, pass, hold } = scene({ everyMs: 100 });
  const letGo = hold();
  job.runIn(0);
  await pass(500);
  letGo();
  await pass(99);
  expect(begun()).toBe(1);
  await pass(1);
  expect(begun()).toBe(2);
});

test('after a quiet time a run begins at once, in a flood of calls at the pace', async () => {
  const { job, begun, pass } = scene({ retryMs: 1, paceMs: 20 });
  job.runIn(0);
  await pass(0);
  expect(begun()).toBe(1);
  for (let ms = 0; ms < 100; ms++) {
    job.runIn(0);
    await pass(1);
  }
  expect(begun()).toBe(6);
});

test('after a failure no call begins a run before the retry, which counts the failures in a row', async () => {
  const { job, begun, pass, fail, failures } = scene({ everyMs: 10, retryMs: (inARow) => inARow * 100 });
  fail(2);
  job.runIn(0);
  await pass(0);
  job.runIn(0);
  await pass(99);
  expect(begun()).toBe(1);
  await pass(1);
  expect(begun()).toBe(2);
  await pass(199);
  expect(begun()).toBe(2);
  await pass(1);
  await pass(10);
  expect(begun()).toBe(4);
  fail(1);
  await pass(10);
  expect(failures).toEqual([1, 2, 1]);
});

test('a failure drops what was asked for meanwhile: it is part of the retry', async () => {
  const { job, begun, pass, hold, fail } = scene({ retryMs: 100 });
  fail(1);
  const letGo = hold();
  job.runIn(0);
  await pass(0);
  job.runIn(0);
  letGo();
  await pass(99);
  expect(begun()).toBe(1);
  await pass(1);
  expect(begun()).toBe(2);
  await pass(1_000);
  expect(begun()).toBe(2);
});

test('closing waits for the run under way, and no other one begins', async () => {
  const { job, begun, pass, hold } = scene({ everyMs: 10 });
  const letGo = hold();
  job.runIn(0);
  await pass(0);
  let closed = false;
  const closing = job.close().then(() => {
    closed = true;
  });
  await pass(100);
  expect(closed).toBe(false);
  letGo();
  await closing;
  job.runIn(0);
  await pass(100);
  expect(begun()).toBe(1);
});

function scene(options: Omit<PeriodicOptions, 'onFailure'>) {
  let runs = 0;
  let failing = 0;
  let gate: Promise<void> = Promise.resolve();
  const failures: number[] = [];
  const job = createPeriodic(
    async () => {
      runs++;
      await gate;
      if (failing-- > 0) throw new Error('for the test');
    },
    { ...options, onFailure: (_, inARow) => failures.push(inARow) } as PeriodicOptions,
  );
  return {
    job,
    failures,
    begun: () => runs,
    fail(times: number) {
      failing = times;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    /** Lets end what can end now, time pass, and what is due in it end. */
    async pass(ms: number) {
      await settle();
      jest.advanceTimersByTime(ms);
      await settle();
    },
  };
}

async function settle(): Promise<void> {
  for (let step = 0; step < 20; step++) await Promise.resolve();
}
