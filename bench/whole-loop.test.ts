import { afterEach, expect, test } from 'bun:test';
import { targetOf } from './requests.ts';
import { WholeLoop } from './whole-loop.ts';

const servers: Bun.Server<undefined>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) void server.stop(true);
});

const PURCHASE = { productId: 1, quantity: 1 };

/** Accepts each purchase; its n-th reading of an outcome is what `outcome` says. */
function shop(outcome: (reading: number, trackingId: string) => object) {
  const readings = new Map<string, number>();
  let accepted = 0;
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/api/v1/async/purchase': {
        POST: () =>
          Response.json({ accepted: true, trackingId: `id-${accepted++}`, ...PURCHASE }, { status: 202 }),
      },
      '/api/v1/async/purchase/:id': async ({ params: { id } }) => {
        const reading = (readings.get(id) ?? 0) + 1;
        readings.set(id, reading);
        await Bun.sleep(20);
        return Response.json({ trackingId: id, ...PURCHASE, ...outcome(reading, id) });
      },
    },
  });
  servers.push(server);
  return { target: targetOf(server.url.origin), readings, accepted: () => accepted };
}

test('each buyer asks until the outcome is there, and it counts from the 202', async () => {
  const { target, readings, accepted } = shop((reading, orderId) =>
    reading === 1 ? { status: 'queued' } : { status: 'confirmed', orderId },
  );
  const loop = await WholeLoop.open(target, 4, PURCHASE);
  const { requests: purchases, accept, confirm, errors } = await loop.run(200);
  loop.close();
  expect(errors).toEqual({});
  expect(purchases).toBeGreaterThan(4);
  expect(purchases).toBe(accepted());
  expect([accept.count, confirm.count]).toEqual([purchases, purchases]);
  expect([...readings.values()]).toEqual(Array(purchases).fill(2));
  // Two readings of 20 ms each.
  expect(confirm.percentileMs(50)).toBeGreaterThan(35);
});

test('with `askEvery` the others make room as soon as they are accepted', async () => {
  const { target, readings, accepted } = shop((_, orderId) => ({ status: 'confirmed', orderId }));
  const loop = await WholeLoop.open(target, 4, PURCHASE, 10);
  const { requests: purchases, accept, confirm, errors } = await loop.run(200);
  loop.close();
  expect(errors).toEqual({});
  expect(purchases).toBe(accepted());
  expect(accept.count).toBe(purchases);
  expect([confirm.count, readings.size]).toEqual(Array(2).fill(Math.ceil(purchases / 10)));
});

test('an outcome other than a sale is an error', async () => {
  const { target, accepted } = shop(() => ({ status: 'rejected', code: 'sold_out' }));
  const loop = await WholeLoop.open(target, 4, PURCHASE);
  const { requests: purchases, errors } = await loop.run(100);
  loop.close();
  expect(purchases).toBe(0);
  expect(errors).toEqual({ 'outcome: rejected': accepted() });
});
