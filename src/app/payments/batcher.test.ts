import { expect, test } from 'bun:test';
import { until } from '../../../tests/support/until.ts';
import { createBatcher } from './batcher.ts';

test('a full batch is handed on without lingering', async () => {
  const batches: number[][] = [];
  const batcher = createBatcher<number>({ itemsMax: 3, lingerMs: 60_000 }, async (batch) => {
    batches.push(batch);
  });
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
  const batches: number[][] = [];
  const batcher = createBatcher<number>({ itemsMax: 100, lingerMs: 5 }, async (batch) => {
    batches.push(batch);
  });
  batcher.add([1]);
  batcher.add([2]);
  expect(batches).toEqual([]);
  await until(() => batches.length === 1);
  expect(batches).toEqual([[1, 2]]);
});

test('one batch is handed on at a time, and what comes meanwhile is the next', async () => {
  const release = Promise.withResolvers<void>();
  const batches: number[][] = [];
  const batcher = createBatcher<number>({ itemsMax: 2, lingerMs: 1 }, async (batch) => {
    batches.push(batch);
    await release.promise;
  });
  batcher.add([1]);
  await until(() => batches.length === 1);
  batcher.add([2, 3, 4]);
  const drained = batcher.drain();
  await Bun.sleep(5);
  expect(batches).toEqual([[1]]);
  release.resolve();
  await drained;
  expect(batches).toEqual([[1], [2, 3], [4]]);
});
