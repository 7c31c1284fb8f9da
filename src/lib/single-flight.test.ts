import { expect, test } from 'bun:test';
import { singleFlight } from './single-flight.ts';

test('calls of one key share the run under way; the next one begins anew', async () => {
  const runs: string[] = [];
  const look = singleFlight(async (key: string) => `${key}${runs.push(key)}`);
  expect(await Promise.all([look('a'), look('b'), look('a')])).toEqual(['a1', 'b2', 'a1']);
  expect(await look('a')).toBe('a3');
});

test('all callers of a run that fails hear of it, and the next call tries again', async () => {
  let failures = 1;
  const look = singleFlight(() => {
    if (failures-- > 0) throw new Error('for the test');
    return Promise.resolve('found');
  });
  const asked = await Promise.allSettled([look(), look()]);
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await look()).toBe('found');
});
