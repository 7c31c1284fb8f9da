import { expect, test } from 'bun:test';
import { newProduct } from '../../domain/product-steps.ts';
import { createProductReader } from './product-reader.ts';

const THING = newProduct({
  id: 1,
  name: 'Thing',
  priceMinor: 1,
  currency: 'EUR',
  units: 9,
  description: 'One',
});

function open() {
  const state = { nowMs: 0, reads: 0, stored: THING, known: undefined as typeof THING | undefined };
  const ledger = {
    describedProduct: async (id: number) => {
      state.reads++;
      return id === THING.id ? state.stored : undefined;
    },
  };
  return {
    state,
    reader: createProductReader(
      ledger,
      { last: () => state.known && { product: state.known, ageMs: 0, changedAtMs: 0 } },
      () => state.nowMs,
    ),
  };
}

test('a description is read once for all who look within a quarter of a second, and then again', async () => {
  const { state, reader } = open();
  const both = await Promise.all([reader.read(1), reader.read(1)]);
  expect(both).toEqual([THING, THING]);
  state.stored = { ...THING, description: 'Two', version: 2 };
  state.nowMs = 249;
  expect((await reader.read(1))?.description).toBe('One');
  expect(state.reads).toBe(1);
  state.nowMs = 250;
  expect((await reader.read(1))?.description).toBe('Two');
  expect(state.reads).toBe(2);
});

test('units beside a description are the newest that are known', async () => {
  const { state, reader } = open();
  state.known = { ...THING, version: 5, sold: 4 };
  expect(await reader.read(1)).toMatchObject({ version: 5, sold: 4, description: 'One' });
  state.known = { ...THING, version: 0, sold: 8 };
  expect(await reader.read(1)).toEqual(THING);
});

test("an operator's change is seen here at once, and no older read undoes it", async () => {
  const { state, reader } = open();
  const reading = reader.read(1);
  reader.keep({ ...THING, version: 3, description: 'Three' });
  await reading;
  expect(await reader.read(1)).toMatchObject({ version: 3, description: 'Three' });
  expect(state.reads).toBe(1);
  expect(await reader.read(2)).toBeUndefined();
});
