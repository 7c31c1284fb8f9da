import { expect, test } from 'bun:test';
import { readBooks } from '../support/books.ts';
import { openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** A charge without an answer is asked again when its lease of half a minute has ended. */
const LEASE_DEADLINE_MS = 60_000;

test('an order whose charge succeeded unheard is paid once that is found out, and captured once', async () => {
  await using shop = await openShop();
  await shop.reset(5, 4);
  const { orderId } = (await shop.buy('sync', { productId: 5, quantity: 4, userId: 'test_late' })).json;
  const order = async () => (await shop.get(`/api/v1/orders/${orderId}`)).json;
  await until(async () => (await order()).status === 'paid', LEASE_DEADLINE_MS);
  const { payments } = await order();
  expect(payments.filter(({ status }: { status: string }) => status === 'captured')).toHaveLength(1);
  expect((await shop.get('/api/v1/sync/stock/5')).json.stock).toBe(0);
  expect((await readBooks(shop.folder)).breaches).toEqual([]);
}, 90_000);
