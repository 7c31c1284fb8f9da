import { expect, test } from 'bun:test';
import { createKeyHash } from './key-hash.ts';

test('a million similar keys have a million hashes, evenly spread by their low bits', () => {
  const hash = createKeyHash(new Uint32Array([1, 2]));
  const seen = new Set<number>();
  const sets = new Uint32Array(1024);
  for (let i = 0; i < 1_000_000; i++) {
    hash.read(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    seen.add(hash.high * 2 ** 20 + (hash.low >>> 12));
    sets[hash.low & 1023]!++;
  }
  expect(seen.size).toBe(1_000_000);
  // 977 are expected in each; five standard deviations are 156.
  expect(Math.min(...sets)).toBeGreaterThan(820);
  expect(Math.max(...sets)).toBeLessThan(1134);
});

test('other secrets, other hashes; the same key, the same hash', () => {
  const [one, other] = [createKeyHash(), createKeyHash()];
  one.read('ada');
  other.read('ada');
  const first = [one.high, one.low];
  expect([other.high, other.low]).not.toEqual(first);
  one.read('grace');
  expect([one.high, one.low]).not.toEqual(first);
  one.read('ada');
  expect([one.high, one.low]).toEqual(first);
});
