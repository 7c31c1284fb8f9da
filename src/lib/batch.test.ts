import { expect, test } from 'bun:test';
import { until } from '../../tests/support/until.ts';
import { createBatchedCalls, createBatcher } from './batch.ts';

test('a full batch is handed on without lingering', async () => {
  const { batcher, batches } = scene({ itemsMax: 3, lingerMs: 60_000 });
  batcher.add([1, 2, 3, 4, 5, 6, 7]);
  await until(() => batches.length === 2);
  expect(batches).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(batcher.waiting()).toBe(1);
  await batcher.drain();
  expect(batches.at(-1)).toEqual([7]);
});

test('what does not fill a batch is handed on after the linger', async () => {
  const { batcher, batches } = scene({ itemsMax: 100, lingerMs: 5 });
  batcher.add([1]);
  batcher.add([2]);
  await Promise.resolve();
  expect(batches).toEqual([]);
  await until(() => batches.length === 1);
  expect(batches).toEqual([[1, 2]]);
});

test('one batch is handed on at a time, and what comes meanwhile is the next', async () => {
  const { batcher, batches, hold } = scene({ itemsMax: 2, lingerMs: 1 });
  const letGo = hold();
  batcher.add([1]);
  await until(() => batches.length === 1);
  batcher.add([2, 3, 4]);
  const drained = batcher.drain();
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(batches).toEqual([[1]]);
  letGo();
  await drained;
  expect(batches).toEqual([[1], [2, 3], [4]]);
});

test('where two batches may be under way, the third waits', async () => {
  const { batcher, batches, hold } = scene({ itemsMax: 2, lingerMs: 60_000, batchesMax: 2 });
  const letGo = hold();
  batcher.add([1, 2, 3, 4, 5, 6]);
  await until(() => batches.length === 2);
  expect(batcher.waiting()).toBe(2);
  letGo();
  await until(() => batches.length === 3);
  await batcher.drain();
  expect(batches).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
});

test('without a linger what comes during a batch is the next one, and each call gets its own result', async () => {
  const batches: (readonly number[])[] = [];
  const calls = createBatchedCalls<number, number>({ itemsMax: 100, lingerMs: 0 }, async (items) => {
    batches.push(items);
    return items.map((item) => (item === 2 ? new Error('not two') : item * 10));
  });
  const answers = await Promise.allSettled([1, 2, 3].map(calls.call));
  expect(batches).toEqual([[1], [2, 3]]);
  expect(answers.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message))).toEqual([
    10,
    'not two',
    30,
  ]);
});

test('a batch that fails fails its own calls and no others', async () => {
  let failures = 1;
  const calls = createBatchedCalls<number, number>({ itemsMax: 2, lingerMs: 60_000 }, async (items) => {
    if (failures-- > 0) throw new Error('for the test');
    return items;
  });
  const asked = Promise.allSettled([1, 2, 3].map(calls.call));
  await calls.drain();
  expect((await asked).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
});

function scene(options: Parameters<typeof createBatcher>[0]) {
  const batches: number[][] = [];
  let gate: Promise<void> = Promise.resolve();
  const batcher = createBatcher<number>(options, async (batch) => {
    batches.push(batch);
    await gate;
  });
  return {
    batcher,
    batches,
    /** Keeps batches under way until the returned function is called. */
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
  };
}
