import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../domain/clock.ts';
import type { Purchase } from '../../../domain/purchase.ts';
import type { Ledger } from '../../../ports/ledger.ts';
import { openSqliteLedger } from '../ledger.ts';
import { openStore, type Store } from '../store.ts';
import { ROW_KEY_STEPS_MAX, rowKeyOf } from './row-key.ts';

let folder: string;
let store: Store;
let ledger: Ledger;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pulsecart-row-key-'));
  store = openStore(folder);
  ledger = openSqliteLedger(store, systemClock);
  await ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 100 }]);
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

/** Ids of the same millisecond and counter; `random` moves the row key by up to 3, `tail` only the rest of the id. */
function idAt(random: number, tail: number): string {
  const variant = (8 | random).toString(16);
  return `019a0000-0001-7005-${variant}000-${tail.toString(16).padStart(12, '0')}`;
}

function request(id: string): Purchase {
  const plain = {
    productId: 1,
    quantity: 1,
    customer: null,
    key: null,
    acceptedAt: 0,
    decideBy: Number.MAX_SAFE_INTEGER,
    refusal: null,
    expectedPriceMinor: null,
  };
  return { id, channel: 'sync', ...plain };
}

test('ids that meet at one row key are all stored, found, charged and asked for again', async () => {
  const meeting = [idAt(0, 1), idAt(0, 2), idAt(0, 3)];
  expect(new Set(meeting.map(rowKeyOf)).size).toBe(1);
  // The row key of this one is taken by a neighbour that was pushed on.
  const ids = [...meeting, idAt(1, 4), idAt(0, 5)];
  const { outcomes } = await ledger.decide(ids.map(request));
  expect(outcomes.map((outcome) => outcome.kind === 'reserved' && outcome.repeated)).toEqual(
    ids.map(() => false),
  );

  expect([...(await ledger.find(ids)).keys()]).toEqual(ids);
  const again = await ledger.decide(ids.map(request));
  expect(again.outcomes.map((outcome) => outcome.kind === 'reserved' && outcome.order.id)).toEqual(ids);
  expect(again.outcomes.every((outcome) => outcome.kind === 'reserved' && outcome.repeated)).toBe(true);

  const leased = await ledger.lease([ids[2]!, ids[3]!], 60_000);
  expect(leased.map(({ order }) => order.id)).toEqual([ids[2]!, ids[3]!]);
  expect((await ledger.order(ids[1]!))!.order.status).toBe('reserved');
  expect((await ledger.product(1))!.reserved).toBe(ids.length);
});

test('an id that was never sold is not found among those it would meet', async () => {
  await ledger.decide([idAt(0, 1), idAt(0, 2)].map(request));
  expect((await ledger.find([idAt(0, 3)])).size).toBe(0);
});

test('one more meeting than can be is an error, and takes no unit', async () => {
  const ids = Array.from({ length: ROW_KEY_STEPS_MAX + 1 }, (_, i) => idAt(0, i));
  await ledger.decide(ids.slice(0, -1).map(request));
  await expect(ledger.decide([request(ids.at(-1)!)])).rejects.toThrow('no free slot');
  expect((await ledger.product(1))!.reserved).toBe(ROW_KEY_STEPS_MAX);
});

test('row keys rise with time and stay exact integers until 2060', () => {
  const times = [Date.UTC(2026, 0, 1), Date.UTC(2026, 10, 1), Date.UTC(2059, 11, 31)];
  const rowKeys = times.map((time) => {
    const hex = time.toString(16).padStart(12, '0');
    return rowKeyOf(`${hex.slice(0, 8)}-${hex.slice(8)}-77ff-b000-000000000000`);
  });
  expect(rowKeys).toEqual([...rowKeys].sort((a, b) => a - b));
  expect(rowKeys.every(Number.isSafeInteger)).toBe(true);
  expect(rowKeys[0]).toBe(8191);
});
