import { expect, test } from 'bun:test';
import { createBoundedMap } from './bounded-map.ts';

test('the newest half is kept, and never more than the limit', () => {
  const map = createBoundedMap<number>(100);
  for (let i = 0; i < 1_000; i++) {
    map.set(`${i}`, i);
    expect(map.size).toBeLessThanOrEqual(100);
    expect(map.get(`${Math.max(0, i - 49)}`)).toBe(Math.max(0, i - 49));
  }
  expect(map.get('0')).toBeUndefined();
});

test('what was deleted is gone from either half', () => {
  const map = createBoundedMap<number>(4);
  for (const key of ['a', 'b', 'c']) map.set(key, 1);
  for (const key of ['a', 'c', 'none']) map.delete(key);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([undefined, 1, undefined, 1]);
});
