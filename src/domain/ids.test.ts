import { expect, test } from 'bun:test';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from './ids.ts';

const key = new Uint8Array(PURCHASE_ID_KEY_BYTES).fill(7);
const at = 1_795_000_000_123;
const ids = createPurchaseIds(key, () => at);

test('an id says when it was made and nothing else', () => {
  expect(ids.read(ids.mint())).toEqual({ acceptedAt: at, channel: 'sync', soldOut: null });
  expect(ids.read(ids.mint('async'))).toEqual({ acceptedAt: at, channel: 'async', soldOut: null });
});

test('a sold-out id says what was asked for', () => {
  for (const [productId, quantity] of [
    [1, 1],
    [4095, 8],
    [17, 3],
  ] as const) {
    expect(ids.read(ids.mintSoldOut(productId, quantity)!)).toEqual({
      acceptedAt: at,
      channel: 'async',
      soldOut: { productId, quantity },
    });
  }
  expect(ids.mintSoldOut(4096, 1)).toBeNull();
  expect(ids.mintSoldOut(1, 9)).toBeNull();
});

test('ids of one process are distinct within a millisecond', () => {
  const made = new Set(Array.from({ length: 2000 }, () => ids.mint()));
  expect(made.size).toBe(2000);
});

test('ids sort by their time', () => {
  let now = at;
  const clocked = createPurchaseIds(key, () => now);
  const made = Array.from({ length: 50 }, () => {
    now += 1;
    return clocked.mint();
  });
  expect([...made].sort()).toEqual(made);
});

test('a changed digit, another key or another shape is an id never issued', () => {
  const id = ids.mint();
  for (let i = 0; i < id.length; i++) {
    if (id[i] === '-') continue;
    const changed = id.slice(0, i) + (id[i] === '0' ? '1' : '0') + id.slice(i + 1);
    expect(ids.read(changed)).toBeNull();
  }
  expect(createPurchaseIds(new Uint8Array(16).fill(8), () => at).read(id)).toBeNull();
  expect(ids.read(id.toUpperCase())).toBeNull();
  expect(ids.read('')).toBeNull();
});

test('ids of one process stay distinct, in time and counter alone, when the clock stands still or is set back', () => {
  let now = at;
  const clocked = createPurchaseIds(key, () => now);
  const made: string[] = [];
  for (const time of [at, at - 3_600_000, at + 1]) {
    now = time;
    for (let i = 0; i < 10_000; i++) made.push(clocked.mint());
  }
  // 16 hex digits: time, version and counter.
  const fronts = new Set(made.map((id) => id.replaceAll('-', '').slice(0, 16)));
  expect(fronts.size).toBe(made.length);
  for (const id of made) expect(Math.abs(clocked.read(id)!.acceptedAt - at)).toBeLessThan(100);
});

test('ids cross from one block to the next, and from one millisecond to the next, without a repeat', () => {
  let now = at;
  const clocked = createPurchaseIds(key, () => now);
  const made = new Set<string>();
  let count = 0;
  for (const perMillisecond of [1, 2, 3, 63, 64, 65, 129, 1, 1, 7]) {
    for (let i = 0; i < perMillisecond; i++) {
      const id = clocked.mint();
      expect(clocked.read(id)).toEqual({ acceptedAt: now, channel: 'sync', soldOut: null });
      made.add(id);
      count++;
    }
    now++;
  }
  expect(made.size).toBe(count);
});

test('sold-out ids are distinct from each other', () => {
  const made = new Set(Array.from({ length: 5_000 }, () => ids.mintSoldOut(7, 2)!));
  expect(made.size).toBe(5_000);
});

test('an id that was marked for a customer says so of that customer alone, and stays one of ours', () => {
  const others = Array.from({ length: 300 }, (_, i) => `other-${i}`);
  for (const id of [ids.mint('async', 'ada'), ids.mintSoldOut(17, 3, 'ada')!]) {
    expect(ids.read(id)).toMatchObject({ acceptedAt: at, channel: 'async' });
    expect(ids.isMarkedFor(id, 'ada')).toBe(true);
    expect([null, ...others].filter((other) => ids.isMarkedFor(id, other))).toEqual([]);
  }
  expect(ids.read(ids.mintSoldOut(17, 3, 'ada')!)!.soldOut).toEqual({ productId: 17, quantity: 3 });
  expect(ids.isMarkedFor(ids.mint('async', null), null)).toBe(true);
  const made = new Set(Array.from({ length: 2000 }, () => ids.mint('async', 'ada')));
  expect(made.size).toBe(2000);
});
