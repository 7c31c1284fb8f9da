import { expect, test } from 'bun:test';
import { createExpiringTable } from './expiring-table.ts';

const AHEAD_US = 1e9;

test('a million keys that all owe something take 32 MiB, and hardly one is forgotten', () => {
  const table = createExpiringTable(2 ** 21);
  for (let i = 0; i < 1_000_000; i++) table.set(high(i), low(i), AHEAD_US + i, 1);
  expect(table.bytes).toBe(32 * 2 ** 20);
  let known = 0;
  for (let i = 0; i < 1_000_000; i++) if (table.get(high(i), low(i)) === AHEAD_US + i) known++;
  expect(known).toBe(1_000_000 - table.lost);
  expect(table.lost).toBeLessThan(10_000);
});

test('times that are over make room, and are not counted as lost', () => {
  const table = createExpiringTable(8);
  for (let i = 0; i < 100; i++) table.set(i, i, i + 1, i);
  expect(table.lost).toBe(0);
  expect(table.get(99, 99)).toBe(100);
});

test('a full set loses the key that owes least', () => {
  const table = createExpiringTable(8);
  for (let i = 0; i < 8; i++) table.set(i, i, 1000 + ((i + 3) % 8), 1);
  table.set(9, 9, 5000, 1);
  expect(table.lost).toBe(1);
  expect(table.get(5, 5)).toBe(0);
  for (const i of [0, 1, 2, 3, 4, 6, 7]) expect(table.get(i, i)).toBe(1000 + ((i + 3) % 8));
  expect(table.get(9, 9)).toBe(5000);
});

test('a key has one time, the last one', () => {
  const table = createExpiringTable(64);
  table.set(1, 2, 10, 1);
  table.set(1, 2, 20, 1);
  expect(table.get(1, 2)).toBe(20);
  expect(table.get(2, 1)).toBe(0);
});

const high = (i: number) => Bun.hash.xxHash32(`key ${i}`, 1);
const low = (i: number) => Bun.hash.xxHash32(`key ${i}`, 2);
