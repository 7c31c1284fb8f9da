import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { BALANCERS, type Balancer, startBalancer } from '../../bench/services/balancers.ts';
import { haveBalancers } from '../support/balancers.ts';
import { createCaller } from '../support/caller.ts';
import { BOUGHT, ODD_CLIENTS, purchaseBytes, statusesHeard, TRAILER } from '../support/odd-clients.ts';
import { connectRaw } from '../support/raw-http.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** What docs/operating/balancers.md says that the balancers of deploy/ cure. */

const PRODUCT = 5;
const canRun = await haveBalancers();

for (const name of BALANCERS) {
  describe.skipIf(!canRun)(`behind ${name}`, () => {
    let shop: EmbeddedShop;
    let balancer: Balancer;
    beforeAll(async () => {
      shop = await openShop();
      balancer = await startBalancer(name, [shop.url, shop.url, shop.url]);
      await eventually(async () => (await fetch(`${balancer.url}/actuator/health/readiness`)).ok);
    });
    afterAll(async () => {
      await balancer[Symbol.asyncDispose]();
      await shop[Symbol.asyncDispose]();
    });

    let customers = 0;
    const purchase = () =>
      purchaseBytes('sync', { productId: PRODUCT, quantity: 1, userId: `buyer-${++customers}` });

    for (const { what, bytes, statuses } of ODD_CLIENTS) {
      const isHandedOn = name === 'haproxy' && what === TRAILER;
      test(`P8 a purchase with ${what} ${isHandedOn ? 'hears a bare 400 and buys nothing' : 'is answered'}`, async () => {
        const before = await unitsTaken();
        using connection = await connectRaw(balancer.url);
        connection.send(bytes(purchase()));
        const expected = isHandedOn ? [400] : statuses.map((status) => (status === BOUGHT ? 200 : status));
        expect(await statusesHeard(connection, expected.length)).toEqual(expected);
        // What came later is decided, so the odd one is, too.
        await shop.buy('sync', { productId: PRODUCT, quantity: 1 });
        expect((await unitsTaken()) - before).toBe(isHandedOn ? 1 : 2);
      });
    }

    test('P8 a client that half-closes its connection is answered', async () => {
      const before = await unitsTaken();
      using connection = await connectRaw(balancer.url);
      connection.send(purchase().plain());
      connection.finish();
      expect(await statusesHeard(connection, 1)).toEqual([200]);
      expect((await unitsTaken()) - before).toBe(1);
    });

    test('P8 a purchase that a server took and did not answer is not sent to another one', async () => {
      let taken = 0;
      const servers = [mute(), mute(), mute()] as const;
      await using before = await startBalancer(name, [servers[0].url, servers[1].url, servers[2].url]);
      // A server that HAProxy has found unready is not asked at all.
      using connection = await connectRaw(before.url);
      connection.send(purchase().plain());
      expect(await statusesHeard(connection, 1)).toEqual([502]);
      expect(taken).toBe(1);
      for (const { server } of servers) server.stop(true);

      /** Ready, and closes the connection on every purchase. */
      function mute() {
        const server = Bun.listen({
          hostname: '127.0.0.1',
          port: 0,
          socket: {
            data(socket, bytes) {
              if (bytes.includes('readiness')) {
                socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
                return;
              }
              taken++;
              socket.end();
            },
          },
        });
        return { server, url: `http://127.0.0.1:${server.port}` };
      }
    });

    test('the walk of the README goes the same way at the balancer’s address', async () => {
      const at = createCaller(() => ({ url: balancer.url, operatorToken: null }));
      const reset = '/api/v1/sync/stock/3/reset?stock=3';
      // Nobody who comes through a balancer is this machine.
      expect((await at.call('PUT', reset)).status).toBe(401);
      const authorized = { headers: { Authorization: `Bearer ${shop.server.operatorToken}` } };
      expect((await at.call('PUT', reset, authorized)).text).toBe('Stock reset to 3 for product: 3');
      expect((await at.get('/api/v1/sync/stock/3')).json).toEqual({ productId: 3, stock: 3 });
      const ada = { productId: 3, quantity: 1, userId: 'ada' };
      const key = { 'Idempotency-Key': `first-try-${name}` };
      const bought = await at.buy('sync', ada, key);
      expect(bought.status).toBe(200);
      expect((await at.buy('sync', ada, key)).text).toBe(bought.text);
      const accepted = await at.buy('async', { productId: 3, quantity: 2, userId: 'grace' });
      expect(accepted.status).toBe(202);
      const { trackingId } = accepted.json;
      const outcome = await at.get(`/api/v1/async/purchase/${trackingId}?wait=10s`);
      expect(outcome.json).toMatchObject({ status: 'confirmed', orderId: trackingId });
      expect((await at.get(`/api/v1/orders/${trackingId}`)).json).toMatchObject({ number: 2, quantity: 2 });
      expect((await at.buy('sync', ada)).json).toMatchObject({ code: 'sold_out', remainingStock: 0 });
      expect((await at.get('/api/v1/async/queue/status')).json.deadLetters.count).toBe(0);
    });

    async function unitsTaken(): Promise<number> {
      const { reserved, sold } = (await shop.readBooks()).product(PRODUCT);
      return reserved + sold;
    }
  });
}
