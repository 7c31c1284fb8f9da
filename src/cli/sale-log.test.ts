import { expect, test } from 'bun:test';
import type { Product } from '../domain/product.ts';
import { changeOf } from './sale-log.ts';

const PRODUCT: Product = {
  id: 7,
  name: 'Console',
  priceMinor: 50_000,
  currency: 'JPY',
  total: 100,
  reserved: 0,
  sold: 0,
  version: 1,
  generation: 1,
  state: 'open',
  opensAt: null,
  closesAt: null,
  perCustomerLimit: null,
  customerRequired: false,
  holdSeconds: 600,
};
const OPEN = { state: 'open', isSoldOut: false, generation: 1 } as const;
const GONE = { ...OPEN, isSoldOut: true } as const;

test('what a person wants to know of a sale is one sentence, and a sold unit is none', () => {
  expect(changeOf(PRODUCT, OPEN, { ...OPEN, state: 'not_open' })).toBe(
    'sale open: Console (product 7), 100 units at 50,000 JPY',
  );
  expect(changeOf({ ...PRODUCT, sold: 1 }, OPEN, OPEN)).toBeNull();
  expect(changeOf({ ...PRODUCT, sold: 60, reserved: 40 }, GONE, OPEN)).toBe(
    'sold out: Console (product 7), 100 units, 40 of them not paid yet',
  );
  expect(changeOf({ ...PRODUCT, sold: 99 }, OPEN, GONE)).toBe(
    'units again: Console (product 7), 1 available',
  );
  expect(changeOf({ ...PRODUCT, sold: 99 }, { ...OPEN, state: 'paused' }, OPEN)).toBe(
    'sale paused: Console (product 7), 1 unit left',
  );
});

test('a new generation is a sale that opens, and a product that comes with an opening time is planned', () => {
  expect(changeOf({ ...PRODUCT, total: 2 }, { ...OPEN, generation: 2 }, GONE)).toBe(
    'sale open: Console (product 7), 2 units at 50,000 JPY',
  );
  const opensAt = Date.UTC(2030, 0, 2, 3, 4, 5);
  expect(changeOf({ ...PRODUCT, opensAt }, { ...OPEN, state: 'not_open' }, null)).toBe(
    'sale planned: Console (product 7) opens at 2030-01-02T03:04:05.000Z',
  );
});
