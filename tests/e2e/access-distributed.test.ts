import { expect, test } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { signWith } from '../support/issuer.ts';

/** Buyers of several processes. */

const SECRET = 'a secret of the shop, for tests alone';
/** Over connections of their own, of which each process gets some. */
const TIMES = 12;

onDistributedBackends(() => {
  test('sessions, orders and tracking ids of one process are known to the others', async () => {
    await using shop = await openDistributedShop({
      instances: 2,
      env: { PULSECART_AUTH_SECRET: SECRET, PULSECART_PAYMENTS: 'off' },
    });
    const as = async (sub: string) => {
      const headers = { Authorization: `Bearer ${await signWith(SECRET, { sub })}` };
      const { json } = await shop.call('POST', '/api/v1/session', { headers });
      return { Authorization: `Bearer ${json.token}`, Connection: 'close' };
    };
    const [ada, grace] = [await as('ada'), await as('grace')];
    const bought = await shop.buy('sync', { productId: 1, quantity: 1 }, ada);
    const queued = await shop.buy('async', { productId: 1, quantity: 999_999 }, ada);
    expect([bought.status, queued.status]).toEqual([200, 202]);
    const order = `/api/v1/orders/${bought.json.orderId}`;
    const tracked = `/api/v1/async/purchase/${queued.json.trackingId}`;
    expect((await shop.get(`${tracked}?wait=30s`, ada)).json.status).toBe('rejected');
    for (let i = 0; i < TIMES; i++) {
      for (const path of [order, tracked]) {
        expect((await shop.get(path, ada)).status).toBe(200);
        expect((await shop.get(path, grace)).status).toBe(404);
      }
    }
  });
});
