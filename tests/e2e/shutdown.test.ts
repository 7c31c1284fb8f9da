import { describe, expect, test } from 'bun:test';
import { MODES } from '../../bench/arrivals.ts';
import { readBooks } from '../support/books.ts';
import { holdWrites } from '../support/hold-writes.ts';
import { strikeInCrowd } from '../support/mid-crowd.ts';
import { connectRaw, rawRequest } from '../support/raw-http.ts';
import { disagreements, readRound } from '../support/reconciliation.ts';
import { eventually, openShop } from '../support/shop.ts';

const ASKED = { productId: 5, quantity: 1 };
const USERS = 2_000;
const RATE_PER_S = 4_000;
/** So much of the crowd has come. */
const STOP_AFTER_SHARE = 0.4;

describe('SIGTERM in the middle of a crowd', () => {
  for (const mode of MODES) {
    test(`(${mode}) leaves no accepted request without its answer, and no answer without its order`, async () => {
      await using shop = await openShop();
      await shop.reset(ASKED.productId, USERS);
      const options = { url: shop.url, ...ASKED, users: USERS, ratePerS: RATE_PER_S, mode, seed: 1 };
      const { crowd, struck } = await strikeInCrowd(
        { ...options, patienceMs: 30_000 },
        STOP_AFTER_SHARE,
        () => shop.restart(),
      );
      const { record, cuts } = crowd;
      expect(struck).toBe(0);
      // Not vacuous: the server left while the crowd was there, which then went on with the next one.
      expect(cuts).toBeGreaterThan(0);
      expect(record.count('none', 'accepted')).toBe(0);
      expect(record.count('sold', 'confirmed')).toBeGreaterThan(USERS / 2);
      await eventually(
        async () => (await shop.get('/api/v1/async/queue/status')).json.purchases.waiting === 0,
      );
      const round = await readRound({ dataFolder: shop.folder }, ASKED.productId);
      expect(disagreements([{ record, seed: 1 }], ASKED, round)).toEqual([]);
      // Whoever was cut had not been let in: every order has been told to its buyer.
      expect(round.orders.length).toBe(record.count('sold', 'confirmed'));
      expect((await readBooks(shop.folder)).breaches).toEqual([]);
    }, 60_000);
  }
});

describe('SIGTERM', () => {
  test('waits for the requests that the store has not answered yet', async () => {
    await using shop = await openShop();
    const held = holdWrites(shop.folder);
    using sync = await connectRaw(shop.url);
    using async = await connectRaw(shop.url);
    try {
      sync.send(purchase('sync'));
      async.send(purchase('async'));
      // Both are inside once the server, which reads its sockets in order, has answered somebody who came later.
      await eventually(async () => (await inside()) === 1);
    } finally {
      const stopped = shop.server.stop();
      held[Symbol.dispose]();
      expect(await stopped).toBe(0);
    }
    expect((await sync.answer())?.status).toBe(200);
    expect((await async.answer())?.status).toBe(202);
    await shop.restart();
    await eventually(async () => (await shop.get('/api/v1/sync/stock/1')).json.stock === 998);
    expect((await readBooks(shop.folder)).breaches).toEqual([]);

    async function inside(): Promise<number> {
      return (await shop.get('/actuator/metrics/pulsecart_purchases_inside')).json.measurements[0].value;
    }
  });

  test('ends a long poll with what is known', async () => {
    await using shop = await openShop({ PULSECART_WORKER: 'off' });
    const { json } = await shop.buy('async', { productId: 1, quantity: 1 });
    const waiting = shop.get(`/api/v1/async/purchase/${json.trackingId}?wait=30s`);
    await eventually(
      async () =>
        (await shop.get('/actuator/metrics/pulsecart_tracking_waiting')).json.measurements[0].value === 1,
    );
    expect(await shop.server.stop()).toBe(0);
    expect((await waiting).json).toMatchObject({ trackingId: json.trackingId, status: 'queued' });
  });

  test('is not held up by connections that say nothing, or only half of what they want', async () => {
    await using shop = await openShop();
    using _silent = await connectRaw(shop.url);
    using halfHead = await connectRaw(shop.url);
    halfHead.send(purchase('sync').subarray(0, 50));
    using halfBody = await connectRaw(shop.url);
    halfBody.send(purchase('sync').subarray(0, -5));
    using idle = await connectRaw(shop.url);
    idle.send(rawRequest('GET /api/v1/sync/health', {}));
    expect((await idle.answer())?.status).toBe(200);
    expect(await shop.server.stop()).toBe(0);
    expect(await Promise.all([halfHead.closed, halfBody.closed])).toEqual(['', '']);
    expect((await readBooks(shop.folder)).product(1).reserved).toBe(0);
  });

  test('P6 a server answers requests that come just after SIGTERM, in every mode and without a setting', async () => {
    await using shop = await openShop({ PULSECART_DRAIN_MS: '' });
    const answers: Response[] = [];
    process.kill(shop.server.pid, 'SIGTERM');
    const health = `${shop.url}/actuator/health/liveness`;
    const isOver = () => answers.some(({ headers }) => headers.get('connection') === 'close');
    // Until one is answered that says goodbye: without a drain there is none, and the port is closed.
    while (!isOver()) answers.push(await fetch(health, { keepalive: false }));
    expect(answers.every(({ ok }) => ok)).toBe(true);
    const { status } = await shop.buy('sync', { productId: 1, quantity: 1 });
    expect(status).toBe(200);
    expect(await shop.server.stop()).toBe(0);
  });

  test('twice is the same as once', async () => {
    await using shop = await openShop();
    process.kill(shop.server.pid, 'SIGTERM');
    expect(await shop.server.stop()).toBe(0);
  });
});

function purchase(channel: string): Uint8Array {
  const body = '{"productId":1,"quantity":1}';
  const headers = { 'Content-Type': 'application/json', 'Content-Length': `${body.length}` };
  return rawRequest(`POST /api/v1/${channel}/purchase`, headers, body);
}
