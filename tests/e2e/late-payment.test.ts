import { expect, test } from 'bun:test';
import { readBooks } from '../support/books.ts';
import { eventually, openShop } from '../support/shop.ts';

/** A charge without an answer is asked again when its lease has ended. */
const SOON = { PULSECART_PAYMENT_LEASE_MS: '1000', PULSECART_SIMULATOR_TIMEOUT_MS: '200' };

test('an order whose charge succeeded unheard is paid once that is found out, and captured once', async () => {
  await using shop = await openShop(SOON);
  await shop.reset(5, 4);
  const { orderId } = (await shop.buy('sync', { productId: 5, quantity: 4, userId: 'test_late' })).json;
  const order = async () => (await shop.get(`/api/v1/orders/${orderId}`)).json;
  await eventually(async () => (await order()).status === 'paid');
  const { payments } = await order();
  expect(payments.filter(({ status }: { status: string }) => status === 'captured')).toHaveLength(1);
  expect((await shop.get('/api/v1/sync/stock/5')).json.stock).toBe(0);
  expect((await readBooks(shop.folder)).breaches).toEqual([]);
});
