import { expect } from 'bun:test';
import { FIRST_PRODUCTS } from '../../src/domain/product.ts';
import { scrape } from './scrape.ts';
import type { Shop } from './shop.ts';

/** Servers that warm up, and what they say of it. */

export const ON = { PULSECART_WARM_UP: 'on', PULSECART_LOG_LEVEL: 'debug' };
export const WARMED_UP = 'warmed up';
export const GIVEN_UP = 'the warm-up was not finished; the start goes on without it';

/** Neither in the books, nor in the lists and figures of a server that has served nobody yet. */
export async function expectNothingSold(shop: Shop): Promise<void> {
  const { products, breaches } = await shop.readBooks();
  expect(products.map(({ id, sold, reserved, version }) => ({ id, sold, reserved, version }))).toEqual(
    FIRST_PRODUCTS.map(({ id }) => ({ id, sold: 0, reserved: 0, version: 1 })),
  );
  expect(breaches).toEqual([]);
  expect((await shop.get('/api/v1/products')).json.products).toHaveLength(FIRST_PRODUCTS.length);
  const { value } = await scrape(shop.url);
  for (const name of ['pulsecart_purchases_total', 'pulsecart_bad_requests_total'])
    expect(value(name)).toBe(0);
}

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly requests?: number;
}

export function linesOf({ server }: Shop): Line[] {
  return server
    .log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

export function said(shop: Shop, msg: string): number {
  return linesOf(shop).filter((line) => line.msg === msg).length;
}

/** Done or given up: a busy machine may not have the time. */
export function warmUps(shop: Shop): number {
  return said(shop, WARMED_UP) + said(shop, GIVEN_UP);
}
