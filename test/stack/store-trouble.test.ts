import { expect, test } from 'bun:test';
import { readBooks } from '../support/books.ts';
import { holdWrites } from '../support/hold-writes.ts';
import { openShop } from '../support/shop.ts';

test('a store that cannot write is said with 503; nothing is sold, reads go on, and it heals by itself', async () => {
  await using own = await openShop();
  const body = { productId: 1, quantity: 1 };
  {
    using _held = holdWrites(own.folder);
    const [sync, async] = await Promise.all([own.buy('sync', body), own.buy('async', body)]);
    expect(sync.status).toBe(503);
    expect(sync.json).toEqual({
      success: false,
      message: expect.any(String),
      orderId: null,
      productId: 1,
      quantity: 1,
      remainingStock: 1000,
      timestamp: expect.any(String),
      code: 'unavailable',
      requestId: expect.any(String),
    });
    expect(async.status).toBe(503);
    expect(async.json).toEqual({
      accepted: false,
      message: expect.any(String),
      trackingId: null,
      productId: 1,
      quantity: 1,
      timestamp: expect.any(String),
      code: 'unavailable',
      requestId: expect.any(String),
    });
    for (const { headers } of [sync, async]) {
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
      expect(headers.get('cache-control')).toBe('no-store');
    }
    expect((await own.get('/api/v1/sync/stock/1')).json.stock).toBe(1000);
  }
  expect((await own.buy('sync', body)).status).toBe(200);
  expect((await readBooks(own.folder)).breaches).toEqual([]);
}, 60_000);
