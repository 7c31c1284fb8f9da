import { expect, test } from 'bun:test';
import { inSlices } from './in-slices.ts';

test('many are sent in slices, and others get their turn in between', async () => {
  let done = 0;
  let doneAtFirstTurn = 0;
  setImmediate(() => {
    doneAtFirstTurn = done;
  });
  await inSlices(new Array(1_000).fill(0), () => done++);
  expect(done).toBe(1_000);
  expect(doneAtFirstTurn).toBeLessThan(500);
});
