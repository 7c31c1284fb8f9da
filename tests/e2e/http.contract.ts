import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { FIRST_PRODUCTS } from '../../src/domain/product.ts';
import { openStream } from '../support/event-stream.ts';
import { askRaw, rawRequest } from '../support/raw-http.ts';
import { eventually, type Shop } from '../support/shop.ts';

/** The fixed part of the HTTP contract, field by field, against a real server process. */

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const aUuid = expect.stringMatching(UUID);
const aTime = expect.stringMatching(ISO_UTC);
const aCount = expect.any(Number);

export interface HttpContract {
  /** Opens a shop of its own, with settings. */
  readonly openShop: (env?: Record<string, string>) => Promise<Shop>;
  /** What `/actuator/health` names. */
  readonly components: readonly string[];
}

/** For backends of others that may have to be started first. */
const OPEN_TIMEOUT_MS = 90_000;

export function describeHttpContract({ openShop, components }: HttpContract): void {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop();
  }, OPEN_TIMEOUT_MS);
  afterAll(() => shop[Symbol.asyncDispose](), OPEN_TIMEOUT_MS);

  describe('a first start', () => {
    test('puts the five products on sale, open, unlimited, with holds of ten minutes', async () => {
      await using fresh = await openShop();
      const stocks = [];
      for (const { id } of FIRST_PRODUCTS) stocks.push((await fresh.get(`/api/v1/sync/stock/${id}`)).json);
      expect(stocks).toEqual([
        { productId: 1, stock: 1000 },
        { productId: 2, stock: 500 },
        { productId: 3, stock: 100 },
        { productId: 4, stock: 200 },
        { productId: 5, stock: 2000 },
      ]);
      const { products } = await fresh.readBooks();
      expect(products.map(({ name, priceMinor, currency }) => [name, priceMinor, currency])).toEqual([
        ['iPhone 15 Pro - Flash Sale', 99999, 'USD'],
        ['Samsung Galaxy S24 - Flash Sale', 89999, 'USD'],
        ['MacBook Pro M3 - Flash Sale', 199999, 'USD'],
        ['PlayStation 5 - Flash Sale', 49999, 'USD'],
        ['AirPods Pro - Flash Sale', 24999, 'USD'],
      ]);
      for (const product of products) {
        expect(product).toMatchObject({
          state: 'open',
          opensAt: null,
          closesAt: null,
          perCustomerLimit: null,
          holdSeconds: 600,
        });
      }
    });

    test('is not repeated: a restart keeps what was sold', async () => {
      await using fresh = await openShop();
      await fresh.buy('sync', { productId: 3, quantity: 40 });
      expect(await fresh.restart()).toBe(0);
      expect((await fresh.get('/api/v1/sync/stock/3')).json).toEqual({ productId: 3, stock: 60 });
    });
  });

  describe('a sync purchase', () => {
    test('that gets its units answers 200 with the order', async () => {
      await shop.reset(1, 10);
      const { status, headers, json } = await shop.buy('sync', { productId: 1, quantity: 3, userId: 'ann' });
      expect(status).toBe(200);
      expect(json).toEqual({
        success: true,
        message: 'Purchase successful',
        amountMinor: 3 * 99_999,
        currency: 'USD',
        orderId: aUuid,
        productId: 1,
        quantity: 3,
        remainingStock: 7,
        timestamp: aTime,
      });
      expect(headers.get('content-type')).toBe('application/json');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(Math.abs(Date.parse(json.timestamp) - Date.now())).toBeLessThan(60_000);
    });

    test('for more than there is answers 409 with what there is, and takes nothing', async () => {
      await shop.reset(1, 2);
      const { status, headers, json } = await shop.buy('sync', { productId: 1, quantity: 3 });
      expect(status).toBe(409);
      expect(json).toEqual({
        success: false,
        message: 'Out of stock. Requested: 3, Available: 2',
        orderId: null,
        productId: 1,
        quantity: 3,
        remainingStock: 2,
        timestamp: aTime,
        code: 'sold_out',
      });
      expect(headers.get('content-type')).toBe('application/json');
      expect(headers.get('cache-control')).toBe('no-store');
      expect((await shop.buy('sync', { productId: 1, quantity: 2 })).status).toBe(200);
    });

    test('of a sold-out product answers 409, again and again, until units come back', async () => {
      await shop.reset(1, 0);
      for (let i = 0; i < 3; i++) {
        const { status, json } = await shop.buy('sync', { productId: 1, quantity: 1 });
        expect(status).toBe(409);
        expect(json).toMatchObject({
          message: 'Out of stock. Requested: 1, Available: 0',
          remainingStock: 0,
        });
      }
      await shop.reset(1, 1);
      expect((await shop.buy('sync', { productId: 1, quantity: 1 })).json.remainingStock).toBe(0);
    });

    test('of an unknown product answers 404', async () => {
      const { status, json } = await shop.buy('sync', { productId: 999, quantity: 1 });
      expect(status).toBe(404);
      expect(json).toMatchObject({
        code: 'unknown_product',
        field: 'productId',
        message: expect.any(String),
      });
    });
  });

  describe('B19 the price', () => {
    const PRICE = 199_999;

    test('is in the answer of who bought: amountMinor and currency, sync and async, and in the order', async () => {
      await shop.reset(3, 10);
      const paid = { amountMinor: 2 * PRICE, currency: 'USD' };
      const sync = await shop.buy('sync', { productId: 3, quantity: 2 });
      expect(sync.json).toMatchObject({ success: true, ...paid });
      const { json: accepted } = await shop.buy('async', { productId: 3, quantity: 2 });
      const { json: tracked } = await shop.get(`/api/v1/async/purchase/${accepted.trackingId}?wait=10s`);
      expect(tracked).toMatchObject({ status: 'confirmed', ...paid });
      for (const id of [sync.json.orderId, accepted.trackingId])
        expect((await shop.get(`/api/v1/orders/${id}`)).json).toMatchObject(paid);
    });

    test('can be insisted on: another one is refused as price_changed and nothing is sold', async () => {
      await shop.reset(3, 10);
      const request = { productId: 3, quantity: 1, userId: 'careful' };
      const cheaper = { ...request, expectedPriceMinor: PRICE - 1 };
      const refused = await shop.buy('sync', cheaper);
      expect([refused.status, refused.json.code, refused.json.orderId]).toEqual([409, 'price_changed', null]);
      const { json } = await shop.buy('async', cheaper);
      expect((await shop.get(`/api/v1/async/purchase/${json.trackingId}?wait=10s`)).json).toMatchObject({
        status: 'rejected',
        code: 'price_changed',
      });
      expect((await shop.get('/api/v1/sync/stock/3')).json.stock).toBe(10);
      for (const expectedPriceMinor of [PRICE, null])
        expect((await shop.buy('sync', { ...request, expectedPriceMinor })).status).toBe(200);
      for (const expectedPriceMinor of [-1, 1.5, '199999', 2 ** 53]) {
        const { status, json } = await shop.buy('sync', { ...request, expectedPriceMinor });
        expect([status, json.field]).toEqual([400, 'expectedPriceMinor']);
      }
    });

    test('belongs to the body that a key is for', async () => {
      const headers = { 'Idempotency-Key': 'with-a-price' };
      const request = { productId: 3, quantity: 1, userId: 'careful', expectedPriceMinor: PRICE };
      const first = await shop.buy('sync', request, headers);
      expect(first.status).toBe(200);
      expect((await shop.buy('sync', request, headers)).text).toBe(first.text);
      expect((await shop.buy('sync', { ...request, expectedPriceMinor: PRICE + 1 }, headers)).status).toBe(
        422,
      );
    });
  });

  describe('the stock', () => {
    test('is the units free to buy now, with an ETag of its version', async () => {
      await shop.reset(2, 12);
      const first = await shop.get('/api/v1/sync/stock/2');
      expect(first.status).toBe(200);
      expect(first.json).toEqual({ productId: 2, stock: 12 });
      expect(first.headers.get('content-type')).toBe('application/json');
      expect(first.headers.get('cache-control')).toBe('no-cache');
      const etag = first.headers.get('etag')!;
      expect(etag).toMatch(/^"\d+"$/);

      const same = await shop.get('/api/v1/sync/stock/2', { 'If-None-Match': etag });
      expect(same).toMatchObject({ status: 304, text: '' });
      expect(same.headers.get('etag')).toBe(etag);

      await shop.buy('sync', { productId: 2, quantity: 5 });
      const changed = await shop.get('/api/v1/sync/stock/2', { 'If-None-Match': etag });
      expect(changed.status).toBe(200);
      expect(changed.json).toEqual({ productId: 2, stock: 7 });
      expect(changed.headers.get('etag')).not.toBe(etag);
    });

    test('of an unknown product, or of something that is no product id, answers 404', async () => {
      for (const id of [
        '999',
        '0',
        '-1',
        'abc',
        '1.5',
        '9007199254740993',
        '1e3',
        '%00',
        '__proto__',
        '..%2f1',
      ]) {
        const { status, json } = await shop.get(`/api/v1/sync/stock/${id}`);
        expect({ id, status }).toEqual({ id, status: 404 });
        expect(json).toMatchObject({ code: 'unknown_product', field: 'productId' });
      }
    });

    test('initialized says so as text and changes nothing', async () => {
      await shop.reset(2, 12);
      const { status, text, headers } = await shop.call('POST', '/api/v1/sync/stock/init/2');
      expect(status).toBe(200);
      expect(text).toBe('Stock initialized for product: 2');
      expect(headers.get('content-type')).toStartWith('text/plain');
      expect((await shop.get('/api/v1/sync/stock/2')).json.stock).toBe(12);
      expect((await shop.call('POST', '/api/v1/sync/stock/init/999')).status).toBe(404);
    });

    test('reset is a fresh round of exactly that many units', async () => {
      await shop.buy('sync', { productId: 4, quantity: 7 });
      for (const units of [3, 0, 2 ** 31 - 1, 5]) {
        const { status, text, headers } = await shop.call('PUT', `/api/v1/sync/stock/4/reset?stock=${units}`);
        expect(status).toBe(200);
        expect(text).toBe(`Stock reset to ${units} for product: 4`);
        expect(headers.get('content-type')).toStartWith('text/plain');
        expect((await shop.get('/api/v1/sync/stock/4')).json).toEqual({ productId: 4, stock: units });
      }
      expect((await shop.call('PUT', '/api/v1/sync/stock/999/reset?stock=5')).status).toBe(404);
      expect((await shop.buy('sync', { productId: 4, quantity: 6 })).status).toBe(409);
      expect((await shop.buy('sync', { productId: 4, quantity: 5 })).status).toBe(200);
    });
  });

  describe('an async purchase', () => {
    test('is accepted with 202 and the place where its outcome will be', async () => {
      await shop.reset(1, 10);
      const { status, headers, json } = await shop.buy('async', { productId: 1, quantity: 2, userId: 'ann' });
      expect(status).toBe(202);
      expect(json).toEqual({
        accepted: true,
        message: expect.any(String),
        trackingId: aUuid,
        productId: 1,
        quantity: 2,
        timestamp: aTime,
      });
      expect(headers.get('location')).toBe(`/api/v1/async/purchase/${json.trackingId}`);
      expect(headers.get('cache-control')).toBe('no-store');

      const outcome = await shop.get(`${headers.get('location')}?wait=10s`);
      expect(outcome.status).toBe(200);
      expect(outcome.json).toEqual({
        trackingId: json.trackingId,
        status: 'confirmed',
        orderId: json.trackingId,
        message: 'Purchase successful',
        amountMinor: 2 * 99_999,
        currency: 'USD',
        productId: 1,
        quantity: 2,
        updatedAt: aTime,
      });
      expect(outcome.headers.get('cache-control')).toBe('no-store');
      expect((await shop.get(`/api/v1/orders/${json.trackingId}`)).json).toMatchObject({
        quantity: 2,
        channel: 'async',
      });
    });

    test('for more than there is is accepted, and then rejected', async () => {
      await shop.reset(1, 2);
      const accepted = await shop.buy('async', { productId: 1, quantity: 3 });
      expect(accepted.status).toBe(202);
      const outcome = await shop.get(`${accepted.headers.get('location')}?wait=10s`);
      expect(outcome.json).toEqual({
        trackingId: accepted.json.trackingId,
        status: 'rejected',
        code: 'sold_out',
        message: 'Out of stock. Requested: 3, Available: 2',
        productId: 1,
        quantity: 3,
        updatedAt: aTime,
      });
      expect((await shop.get(`/api/v1/orders/${accepted.json.trackingId}`)).status).toBe(404);
    });

    test('of a sold-out product is accepted, and rejected by the word of its id, also after a restart', async () => {
      await using other = await openShop();
      await other.reset(1, 0);
      await other.get('/api/v1/sync/stock/1');
      const { status, json } = await other.buy('async', { productId: 1, quantity: 1 });
      expect(status).toBe(202);
      const path = `/api/v1/async/purchase/${json.trackingId}`;
      const outcome = (await other.get(`${path}?wait=10s`)).json;
      expect(outcome).toMatchObject({
        status: 'rejected',
        code: 'sold_out',
        message: 'Out of stock. Requested: 1, Available: 0',
        productId: 1,
        quantity: 1,
      });
      expect(outcome).not.toHaveProperty('orderId');
      await other.restart();
      expect((await other.get(path)).json).toEqual(outcome);
    });

    test('of an unknown product answers 404', async () => {
      const { status, json } = await shop.buy('async', { productId: 999, quantity: 1 });
      expect(status).toBe(404);
      expect(json).toMatchObject({ code: 'unknown_product', field: 'productId' });
    });

    test('reads queued until it is decided, and a long poll ends with that when its time is over', async () => {
      await using idle = await openShop({ PULSECART_WORKER: 'off' });
      const { json } = await idle.buy('async', { productId: 1, quantity: 1 });
      const path = `/api/v1/async/purchase/${json.trackingId}`;
      const now = await idle.get(path);
      expect(now.status).toBe(200);
      expect(now.json).toEqual({
        trackingId: json.trackingId,
        status: 'queued',
        message: expect.any(String),
        updatedAt: aTime,
      });
      const startMs = performance.now();
      expect((await idle.get(`${path}?wait=1s`)).json.status).toBe('queued');
      expect(performance.now() - startMs).toBeGreaterThan(900);

      await idle.restart({});
      expect((await idle.get(`${path}?wait=10s`)).json).toMatchObject({
        status: 'confirmed',
        orderId: json.trackingId,
      });
    });

    test('that waited past its time to live has failed, and stays so', async () => {
      await using idle = await openShop({ PULSECART_WORKER: 'off', PULSECART_PURCHASE_TTL_SECONDS: '1' });
      const { json } = await idle.buy('async', { productId: 1, quantity: 1 });
      const path = `/api/v1/async/purchase/${json.trackingId}`;
      await eventually(async () => (await idle.get(path)).json.status === 'failed');
      expect((await idle.get(path)).json).toMatchObject({ status: 'failed', code: 'too_old' });
      await idle.restart({ PULSECART_PURCHASE_TTL_SECONDS: '1' });
      await eventually(
        async () => (await idle.get('/api/v1/async/queue/status')).json.purchases.waiting === 0,
      );
      expect((await idle.get(path)).json).toMatchObject({ status: 'failed', code: 'too_old' });
      expect((await idle.get('/api/v1/sync/stock/1')).json.stock).toBe(1000);
    });

    test('that was never issued answers 404 as a problem', async () => {
      for (const id of ['01a2040e-c0e2-775f-8307-b698aa469616', 'nothing', '1', '%F0%9F%98%80']) {
        const { status, json, headers } = await shop.get(`/api/v1/async/purchase/${id}`);
        expect(status).toBe(404);
        expect(json).toMatchObject({ code: 'not_found', status: 404, message: expect.any(String) });
        expect(headers.get('content-type')).toBe('application/problem+json');
      }
    });

    test('cannot be waited for longer than half a minute, nor for nonsense', async () => {
      const { json } = await shop.buy('async', { productId: 1, quantity: 1 });
      for (const wait of ['31s', '-1', 'abc', '1.5', '10m', '']) {
        const answer = await shop.get(`/api/v1/async/purchase/${json.trackingId}?wait=${wait}`);
        expect({ wait, status: answer.status }).toEqual({ wait, status: 400 });
        expect(answer.json).toMatchObject({ code: 'invalid_request', field: 'wait' });
        expect(answer.json.message).toContain('wait');
      }
    });
  });

  describe('the queue status', () => {
    test('shows the queues, the purchases and the dead letters', async () => {
      const { status, json } = await shop.get('/api/v1/async/queue/status');
      expect(status).toBe(200);
      expect(json).toEqual({
        queues: [aQueue('purchases'), aQueue('payments')],
        purchases: { accepted: aCount, decided: aCount, waiting: aCount },
        deadLetters: { count: 0, oldestAgeMs: 0 },
      });

      function aQueue(name: string) {
        return { name, ready: aCount, unacknowledged: aCount, consumers: 1, oldestAgeMs: aCount };
      }
    });

    test('counts what waits and what was decided, across restarts', async () => {
      await using idle = await openShop({ PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off' });
      for (let i = 0; i < 3; i++) await idle.buy('async', { productId: 1, quantity: 1 });
      await idle.buy('sync', { productId: 1, quantity: 1 });
      await eventually(async () => (await status()).queues[1].ready === 1);
      const waiting = await status();
      expect(waiting.purchases).toEqual({ accepted: 3, decided: 0, waiting: 3 });
      expect(waiting.queues[0]).toMatchObject({
        name: 'purchases',
        ready: 3,
        unacknowledged: 0,
        consumers: 0,
      });
      expect(waiting.queues[0].oldestAgeMs).toBeGreaterThan(0);

      await idle.restart({});
      await eventually(async () => (await status()).purchases.waiting === 0);
      expect((await status()).purchases).toEqual({ accepted: 3, decided: 3, waiting: 0 });

      async function status() {
        return (await idle.get('/api/v1/async/queue/status')).json;
      }
    });
  });

  describe('health', () => {
    test('of both services is a sentence', async () => {
      const sync = await shop.get('/api/v1/sync/health');
      expect(sync).toMatchObject({ status: 200, text: 'Sync Purchase Service is running' });
      expect(sync.headers.get('content-type')).toStartWith('text/plain');
      const async = await shop.get('/api/v1/async/health');
      expect(async).toMatchObject({ status: 200, text: 'Async Purchase Service is running' });
    });
  });

  describe('the actuator', () => {
    test('shows the health of each component', async () => {
      const { status, json } = await shop.get('/actuator/health');
      expect(status).toBe(200);
      expect(json).toMatchObject({
        status: 'UP',
        components: Object.fromEntries(components.map((name) => [name, { status: 'UP' }])),
      });
      expect(Object.keys(json.components).sort()).toEqual([...components].sort());
      expect((await shop.get('/actuator/health/liveness')).json).toEqual({ status: 'UP' });
      expect((await shop.get('/actuator/health/readiness')).json).toEqual({ status: 'UP' });
    });

    test('says what runs', async () => {
      const { status, json } = await shop.get('/actuator/info');
      expect(status).toBe(200);
      expect(json.app).toMatchObject({ name: 'pulsecart', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    });

    test('lists metrics, and shows each of those that it lists', async () => {
      const { names } = (await shop.get('/actuator/metrics')).json;
      expect(names).toContain('pulsecart_purchases_total');
      const missing = [];
      for (const name of names) {
        const { status, json } = await shop.get(`/actuator/metrics/${name}`);
        if (status !== 200) {
          missing.push(name);
          continue;
        }
        expect(Object.keys(json).sort()).toEqual(['availableTags', 'description', 'measurements', 'name']);
        expect(json.name).toBe(name);
        for (const one of json.measurements) {
          expect(one).toEqual({ statistic: expect.any(String), value: expect.anything() });
        }
        for (const tag of json.availableTags) {
          expect(tag).toEqual({ tag: expect.any(String), values: expect.any(Array) });
        }
      }
      expect(missing).toEqual([]);
      for (const name of ['nothing', 'toString', '__proto__']) {
        const unknown = await shop.get(`/actuator/metrics/${name}`);
        expect(unknown.status).toBe(404);
        expect(unknown.json).toMatchObject({ code: 'not_found', message: expect.any(String) });
      }
    });

    test('gives Prometheus its text', async () => {
      const { status, text, headers } = await shop.get('/actuator/prometheus');
      expect(status).toBe(200);
      expect(headers.get('content-type')).toStartWith('text/plain');
      expect(text).toMatch(/^# TYPE pulsecart_purchases_total counter$/m);
      expect(text).toMatch(/^pulsecart_purchases_total\{[^}]+\} \d+$/m);
    });
  });

  describe('an order', () => {
    test('is read by its id, with its amount in minor units and its payment', async () => {
      await shop.reset(1, 10);
      const { orderId } = (await shop.buy('sync', { productId: 1, quantity: 3, userId: 'ann' })).json;
      await eventually(async () => (await order(orderId)).json.status === 'paid');
      const { status, json, headers } = await order(orderId);
      expect(status).toBe(200);
      expect(json).toEqual({
        orderId,
        status: 'paid',
        productId: 1,
        quantity: 3,
        number: aCount,
        channel: 'sync',
        amountMinor: 299997,
        currency: 'USD',
        createdAt: aTime,
        expiresAt: aTime,
        updatedAt: aTime,
        payments: [
          {
            attempt: 1,
            status: 'captured',
            amountMinor: 299997,
            currency: 'USD',
            reason: null,
            createdAt: aTime,
            updatedAt: aTime,
          },
        ],
      });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(Date.parse(json.expiresAt) - Date.parse(json.createdAt)).toBe(600_000);
    });

    test('that nobody was given is 404, as a problem', async () => {
      for (const id of ['01a2040e-c0e2-775f-8307-b698aa469616', 'nothing', '%F0%9F%98%80']) {
        const { status, json, headers } = await order(id);
        expect(status).toBe(404);
        expect(json).toMatchObject({ code: 'not_found', status: 404, message: expect.any(String) });
        expect(headers.get('content-type')).toBe('application/problem+json');
      }
    });

    test('of test_decline is declined, and its units can be bought again', async () => {
      await shop.reset(5, 4);
      const { orderId } = (await shop.buy('sync', { productId: 5, quantity: 4, userId: 'test_decline' }))
        .json;
      await eventually(async () => (await order(orderId)).json.status === 'declined');
      expect((await order(orderId)).json.payments).toMatchObject([
        { attempt: 1, status: 'declined', reason: expect.any(String) },
      ]);
      await eventually(async () => (await shop.get('/api/v1/sync/stock/5')).json.stock === 4);
      expect((await shop.buy('sync', { productId: 5, quantity: 4 })).status).toBe(200);
    });

    test('of test_timeout is not paid while its charge has no answer, and keeps its units', async () => {
      await shop.reset(5, 4);
      const { orderId } = (await shop.buy('sync', { productId: 5, quantity: 4, userId: 'test_timeout' }))
        .json;
      await eventually(async () => (await order(orderId)).json.status === 'charging');
      expect((await order(orderId)).json.payments).toMatchObject([{ attempt: 1, status: 'pending' }]);
      expect((await shop.get('/api/v1/sync/stock/5')).json.stock).toBe(0);
    });

    function order(id: string) {
      return shop.get(`/api/v1/orders/${id}`);
    }
  });

  test('B11 an id is the same in upper case, on every route that takes one, and is answered in lower case', async () => {
    await shop.reset(1, 10);
    const { orderId } = (await shop.buy('sync', { productId: 1, quantity: 1 })).json;
    const { trackingId } = (await shop.buy('async', { productId: 1, quantity: 1 })).json;
    const [order, tracking] = [orderId.toUpperCase(), trackingId.toUpperCase()];
    const tracked = await shop.get(`/api/v1/async/purchase/${tracking}?wait=10s`);
    expect(tracked.json).toMatchObject({ trackingId, orderId: trackingId, status: 'confirmed' });
    expect((await shop.get(`/api/v1/orders/${order}`)).json.orderId).toBe(orderId);
    const body = { reason: 'the test' };
    const cancelled = await shop.call('POST', `/api/v1/orders/${tracking}/cancel`);
    expect([200, 409]).toContain(cancelled.status);
    await eventually(
      async () => (await shop.call('POST', `/api/v1/orders/${order}/refund`, { body })).status !== 409,
    );
    const { operations } = (await shop.get('/api/v1/ops/log')).json;
    const [last, before] = operations;
    expect(last.subject).toBe(`order/${orderId}`);
    const page = await shop.get(`/api/v1/ops/log?limit=1&before=${last.id.toUpperCase()}`);
    expect(page.json.operations).toEqual([before]);
    using stream = await openStream(shop.url, `products=1&order=${order},${orderId}`);
    const snapshot = await stream.first('snapshot');
    expect(snapshot.data.orders).toMatchObject([{ orderId }]);
  });

  describe('an idempotency key', () => {
    const body = { productId: 1, quantity: 2, userId: 'keyed' };

    for (const channel of ['sync', 'async'] as const) {
      test(`repeats the first ${channel} answer word for word, also after a restart`, async () => {
        await using own = await openShop();
        const headers = { 'Idempotency-Key': 'order-1' };
        const first = await own.buy(channel, body, headers);
        expect(first.status).toBe(channel === 'sync' ? 200 : 202);
        const others = [
          await own.buy(channel, body, headers),
          await own.buy(channel, body, { 'Idempotency-Key': '"order-1"' }),
        ];
        await own.restart();
        others.push(await own.buy(channel, body, headers));
        for (const { status, text, headers } of others) {
          expect(status).toBe(first.status);
          expect(text).toBe(first.text);
          expect(headers.get('location')).toBe(first.headers.get('location'));
        }
        await eventually(
          async () => (await own.get('/api/v1/async/queue/status')).json.purchases.waiting === 0,
        );
        expect((await own.get('/api/v1/sync/stock/1')).json.stock).toBe(998);
        expect((await own.readBooks()).breaches).toEqual([]);
      });

      test(`with another body is a mismatch on the ${channel} path, and sells nothing`, async () => {
        await shop.reset(1, 10);
        const headers = { 'Idempotency-Key': `mismatch-${channel}` };
        await shop.buy(channel, body, headers);
        for (const other of [
          { ...body, quantity: 1 },
          { ...body, productId: 2 },
        ]) {
          const { status, json } = await shop.buy(channel, other, headers);
          expect(status).toBe(422);
          expect(json).toMatchObject({ code: 'idempotency_mismatch', message: expect.any(String) });
        }
        await eventually(async () => (await shop.get('/api/v1/sync/stock/1')).json.stock === 8);
      });

      test(`belongs to its customer on the ${channel} path: 12345 and "12345" are one, others are not`, async () => {
        await shop.reset(1, 100);
        const headers = { 'Idempotency-Key': `scope-${channel}` };
        const asked = { productId: 1, quantity: 1 };
        const number = await shop.buy(channel, { ...asked, userId: 12345 }, headers);
        const string = await shop.buy(channel, { ...asked, userId: '12345' }, headers);
        const other = await shop.buy(channel, { ...asked, userId: '12346' }, headers);
        expect(string.text).toBe(number.text);
        expect(idOf(other)).not.toBe(idOf(number));
      });

      test(`without a customer needs 16 characters on the ${channel} path, and is its own scope`, async () => {
        await shop.reset(1, 100);
        const asked = { productId: 1, quantity: 1 };
        const short = await shop.buy(channel, asked, { 'Idempotency-Key': '123456789012345' });
        expect(short.status).toBe(400);
        expect(short.json).toMatchObject({ code: 'invalid_request', field: 'Idempotency-Key' });
        const headers = { 'Idempotency-Key': `anonymous-key-${channel}` };
        const first = await shop.buy(channel, asked, headers);
        expect((await shop.buy(channel, { ...asked, userId: null }, headers)).text).toBe(first.text);
        const named = await shop.buy(channel, { ...asked, userId: 'ann' }, headers);
        expect(idOf(named)).not.toBe(idOf(first));
      });
    }

    test('belongs to its route: sync and async do not share it', async () => {
      await shop.reset(1, 10);
      const headers = { 'Idempotency-Key': 'both-routes' };
      const sync = await shop.buy('sync', body, headers);
      const async = await shop.buy('async', body, headers);
      expect([sync.status, async.status]).toEqual([200, 202]);
      expect(idOf(sync)).not.toBe(idOf(async));
    });

    test('is not bound by a refusal (409): the same key is a new purchase and buys if it can, with another body, too', async () => {
      await shop.reset(1, 0);
      const headers = { 'Idempotency-Key': 'try-again' };
      expect((await shop.buy('sync', body, headers)).status).toBe(409);
      expect((await shop.buy('sync', body, headers)).status).toBe(409);
      await shop.reset(1, 10);
      expect((await shop.buy('sync', { ...body, quantity: 1 }, headers)).status).toBe(200);
      expect((await shop.buy('sync', body, headers)).status).toBe(422);
    });

    test('is bound by a 202, whatever the outcome: rejected stays rejected under it, and a new key buys', async () => {
      await shop.reset(2, 0);
      const headers = { 'Idempotency-Key': 'accepted-and-rejected' };
      const request = { ...body, productId: 2 };
      const first = await shop.buy('async', request, headers);
      const outcome = async (id: string) => (await shop.get(`/api/v1/async/purchase/${id}?wait=10s`)).json;
      expect(await outcome(first.json.trackingId)).toMatchObject({ status: 'rejected', code: 'sold_out' });
      await shop.reset(2, 5);
      expect((await shop.buy('async', request, headers)).text).toBe(first.text);
      expect(await outcome(first.json.trackingId)).toMatchObject({ status: 'rejected', code: 'sold_out' });
      const anew = await shop.buy('async', request, { 'Idempotency-Key': 'accepted-anew' });
      expect(await outcome(anew.json.trackingId)).toMatchObject({ status: 'confirmed' });
    });

    test('is looked up before any refusal: the first answer is repeated after the sell-out', async () => {
      await shop.reset(1, 2);
      const headers = { 'Idempotency-Key': 'before-sell-out' };
      const first = await shop.buy('sync', body, headers);
      expect(first.status).toBe(200);
      expect((await shop.buy('sync', body)).status).toBe(409);
      expect((await shop.buy('sync', body, headers)).text).toBe(first.text);
    });

    test('whose first request still runs answers 409 in_flight, and its answer once it is there', async () => {
      await shop.reset(1, 10);
      const headers = { 'Idempotency-Key': 'duplicates' };
      const held = await shop.holdWrites();
      const first = shop.buy('sync', body, headers);
      // Which of two requests on two connections is read first is open; one must be told that the other runs.
      const second = await Promise.race([first, shop.buy('sync', body, headers)]).finally(() =>
        held[Symbol.asyncDispose](),
      );
      expect(second.status).toBe(409);
      expect(second.json).toMatchObject({ code: 'in_flight', message: expect.any(String) });
      expect(second.headers.get('retry-after')).toMatch(/^\d+$/);
      await eventually(async () => (await shop.buy('sync', body, headers)).status === 200);
      expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(8);
      await first;
    });

    test('of async duplicates leads both to one tracking id', async () => {
      await shop.reset(1, 10);
      const headers = { 'Idempotency-Key': 'async-duplicates' };
      const duplicates = await Promise.all([
        shop.buy('async', body, headers),
        shop.buy('async', body, headers),
      ]);
      expect(duplicates.map(({ status }) => status)).toEqual([202, 202]);
      expect(duplicates[1]!.text).toBe(duplicates[0]!.text);
    });

    function idOf({ json }: { json: { orderId?: string; trackingId?: string } }) {
      return json.orderId ?? json.trackingId;
    }
  });

  describe('operator calls', () => {
    const calls = [
      ['PUT', '/api/v1/sync/stock/1/reset?stock=5'],
      ['POST', '/api/v1/sync/stock/init/1'],
    ] as const;

    test('from this machine need no token in development', async () => {
      for (const [method, path] of calls) expect((await shop.call(method, path)).status).toBe(200);
    });

    test('that came through a proxy, by the name of another host or from a page of another origin, are refused without a token', async () => {
      const foreign: Record<string, string>[] = [
        { 'X-Forwarded-For': '203.0.113.9' },
        { Forwarded: 'for=203.0.113.9' },
        { 'X-Forwarded-For': '127.0.0.1' },
        { 'X-Forwarded-Proto': 'https' },
        { 'X-Real-IP': '127.0.0.1' },
        { Via: '1.1 balancer' },
        { 'True-Client-IP': '127.0.0.1' },
        { 'CF-Connecting-IP': '127.0.0.1' },
        { Host: 'shop.example' },
        { Host: 'localhost.shop.example' },
        { Host: '127.0.0.1.shop.example:8080' },
        { Host: '' },
        { Origin: 'https://shop.example' },
        { Origin: 'http://localhost.shop.example' },
        { Origin: 'http://127.0.0.1:1' },
        { Origin: 'null' },
        { Origin: '' },
      ];
      await shop.reset(1, 9);
      for (const [method, path] of calls) {
        for (const headers of foreign) {
          const answer = await askRaw(shop.url, rawRequest(`${method} ${path}`, headers));
          expect({ headers, status: answer?.status }).toEqual({ headers, status: 401 });
          expect(JSON.parse(answer!.body)).toMatchObject({
            code: 'unauthorized',
            message: expect.any(String),
          });
          expect(answer!.header('www-authenticate')).toBe('Bearer');
        }
      }
      expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(9);
      for (const Host of ['localhost:8080', '[::1]:8080', '127.0.0.1', '127.1.2.3:1']) {
        const answer = await askRaw(shop.url, rawRequest('POST /api/v1/sync/stock/init/1', { Host }));
        expect({ Host, status: answer?.status }).toEqual({ Host, status: 200 });
      }
      const own = { Host: 'localhost:8080', Origin: 'http://localhost:8080' };
      const answer = await askRaw(shop.url, rawRequest('POST /api/v1/sync/stock/init/1', own));
      expect(answer?.status).toBe(200);
    });

    test('want the token where one is set, from this machine, too', async () => {
      const token = 'a-token-of-enough-characters';
      await using guarded = await openShop({ PULSECART_OPERATOR_TOKEN: token });
      for (const [method, path] of calls) {
        for (const authorization of [
          null,
          'Bearer wrong',
          `Bearer ${token}x`,
          `Basic ${token}`,
          token,
          'Bearer ',
        ]) {
          const headers: Record<string, string> = authorization === null ? {} : { authorization };
          const { status, json } = await guarded.call(method, path, { headers });
          expect({ authorization, status }).toEqual({ authorization, status: 401 });
          expect(json.code).toBe('unauthorized');
        }
        const headers = { Authorization: `Bearer ${token}`, 'X-Forwarded-For': '203.0.113.9' };
        expect((await guarded.call(method, path, { headers })).status).toBe(200);
      }
      expect((await guarded.get('/api/v1/sync/stock/1')).json.stock).toBe(5);
    });
  });
}
