import { expect, test } from 'bun:test';
import { createExpiringTable } from './expiring-table.ts';
import { ratePolicy } from './gcra.ts';
import { createKeyHash } from './key-hash.ts';
import { createKeyedRate } from './keyed-rate.ts';

const NOW_US = 1e12;
const HOUR_US = 3600e6;
const ONCE = ratePolicy(1, HOUR_US, 1);

test('what one caller owes at thirty things is remembered for each, large numbers among them', () => {
  const rate = createKeyedRate(ONCE, createExpiringTable(2 ** 21));
  const things = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? i : Number.MAX_SAFE_INTEGER - i));
  expect(things.map((thing) => rate.take('ada', NOW_US, thing))).toEqual(things.map(() => 0));
  expect(things.map((thing) => rate.take('ada', NOW_US, thing))).toEqual(things.map(() => HOUR_US));
  expect(rate.take('grace', NOW_US, things[0])).toBe(0);
});

test('rates that share a table and a hash count apart', () => {
  const table = createExpiringTable(64);
  const hash = createKeyHash();
  const [one, other] = [createKeyedRate(ONCE, table, hash), createKeyedRate(ONCE, table, hash)];
  expect([one.take('ada', NOW_US), other.take('ada', NOW_US)]).toEqual([0, 0]);
  expect([one.take('ada', NOW_US), other.wait('ada', NOW_US)]).toEqual([HOUR_US, HOUR_US]);
  one.giveBack('ada', NOW_US);
  expect([one.wait('ada', NOW_US), other.wait('ada', NOW_US)]).toEqual([0, HOUR_US]);
});
