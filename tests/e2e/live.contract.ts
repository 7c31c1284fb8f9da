import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { lastTold, openStream, type StreamReader } from '../support/event-stream.ts';
import { connectRaw, rawRequest } from '../support/raw-http.ts';
import { eventually, type Shop } from '../support/shop.ts';

/** Live units over HTTP, against a real server process. */

const OPEN_TIMEOUT_MS = 90_000;

export function describeLiveContract(openShop: (env?: Record<string, string>) => Promise<Shop>): void {
  describe('a stream', () => {
    let shop: Shop;
    beforeAll(async () => {
      shop = await openShop();
    }, OPEN_TIMEOUT_MS);
    afterAll(() => shop[Symbol.asyncDispose](), OPEN_TIMEOUT_MS);

    test('begins with how things stand, and goes on with what changes', async () => {
      await shop.reset(1, 10);
      using stream = await openStream(shop.url, 'products=1,2');
      expect(stream.status).toBe(200);
      expect(stream.headers.get('content-type')).toBe('text/event-stream');
      expect(stream.headers.get('cache-control')).toBe('no-store');
      expect(stream.headers.get('x-accel-buffering')).toBe('no');
      expect(stream.headers.get('access-control-allow-origin')).toBeNull();
      const { data, id } = await stream.first('snapshot');
      const [first, second] = data.products;
      expect(first).toEqual({
        productId: 1,
        available: 10,
        total: 10,
        reserved: 0,
        version: expect.any(Number),
        state: 'open',
        priceMinor: 99999,
        currency: 'USD',
        opensAt: null,
        closesAt: null,
      });
      expect(second).toMatchObject({ productId: 2, available: 500 });
      expect(id).toBe(`1.${first.version},2.${second.version}`);
      expect(Math.abs(Date.parse(data.serverTime) - Date.now())).toBeLessThan(60_000);
      expect(data.orders).toEqual([]);
      expect(stream.retryMs).toBeGreaterThanOrEqual(1_000);

      await shop.buy('sync', { productId: 1, quantity: 3 });
      await eventually(() => lastTold(stream, 1).available === 7);
      const changed = await stream.first('stock.changed');
      expect(changed.data).toEqual({
        ...first,
        // Paid for already, or not yet.
        reserved: expect.any(Number),
        available: 7,
        version: first.version + 1,
        serverTime: expect.any(String),
      });
      expect(changed.id).toBe(`1.${first.version + 1}`);
    });

    test('tells every viewer the last value, with versions that only rise, and far fewer than there were', async () => {
      await shop.reset(5, 600);
      await using viewers = await openMany(shop.url, 'products=5', 20);
      const requests = Array.from({ length: 600 }, () => shop.buy('sync', { productId: 5, quantity: 1 }));
      const answers = await Promise.all(requests);
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(600);
      // Charges move on, so the last version is the ledger's when all is quiet.
      await eventually(async () => {
        const { products } = await shop.readBooks();
        const { version, sold } = products.find(({ id }) => id === 5)!;
        return sold === 600 && viewers.all.every((one) => lastTold(one, 5).version === version);
      });
      for (const viewer of viewers.all) expect(lastTold(viewer, 5).available).toBe(0);
    });

    test('follows a purchase by its id, from before it is decided until it is paid', async () => {
      await shop.reset(2, 5);
      const { trackingId } = (await shop.buy('async', { productId: 2, quantity: 1, userId: 'ann' })).json;
      using stream = await openStream(shop.url, `products=2&order=${trackingId}`);
      const { data } = await stream.first('snapshot');
      expect(data.orders).toEqual([
        expect.objectContaining({ orderId: trackingId, status: expect.any(String) }),
      ]);
      await eventually(() => statusIn(stream) === 'paid');
      expect(JSON.stringify(stream.events)).not.toContain('ann');

      await shop.reset(2, 0);
      const refused = (await shop.buy('async', { productId: 2, quantity: 1 })).json.trackingId;
      using other = await openStream(shop.url, `products=2&order=${refused}`);
      await eventually(() => statusIn(other) === 'rejected');
    });

    test('goes on after a cut with a snapshot that is not older than what was seen', async () => {
      await shop.reset(3, 50);
      using before = await openStream(shop.url, 'products=3');
      await before.first('snapshot');
      await shop.buy('sync', { productId: 3, quantity: 1 });
      await before.first('stock.changed');
      const seen = lastTold(before, 3);
      before[Symbol.dispose]();
      await shop.buy('sync', { productId: 3, quantity: 1 });
      using after = await openStream(shop.url, 'products=3', { 'Last-Event-ID': before.lastId! });
      await after.first('snapshot');
      expect(lastTold(after, 3).version).toBeGreaterThan(seen.version);
      expect(lastTold(after, 3).available).toBeLessThan(seen.available);
    });

    test('does not care about a Last-Event-ID that it did not give', async () => {
      for (const id of ['', 'x', '3.', '3.9007199254740993', '99.1', '1.1,'.repeat(1_000)]) {
        using stream = await openStream(shop.url, 'products=3', { 'Last-Event-ID': id });
        expect((await stream.first('snapshot')).data.products).toHaveLength(1);
      }
    });

    test('tells when an operator pauses a sale, and when it goes on', async () => {
      using stream = await openStream(shop.url, 'products=4');
      await stream.first('snapshot');
      const body = { reason: 'for the test' };
      expect((await shop.call('POST', '/api/v1/products/4/pause', { body })).status).toBe(200);
      expect((await stream.first('sale.closed')).data).toMatchObject({ productId: 4, state: 'paused' });
      expect((await shop.call('POST', '/api/v1/products/4/resume', { body })).status).toBe(200);
      expect((await stream.first('sale.opened')).data).toMatchObject({ productId: 4, state: 'open' });
    });

    test('tells when a sale opens and closes by the clock, while nobody buys', async () => {
      // Of the others a charge may still be under way, which ends with a new version.
      using stream = await openStream(shop.url, 'products=4');
      await stream.first('snapshot');
      const opensAt = new Date(Date.now() + 1_500).toISOString();
      const closesAt = new Date(Date.now() + 3_000).toISOString();
      const body = { opensAt, closesAt, reason: 'for the test' };
      expect((await shop.call('PATCH', '/api/v1/products/4', { body })).status).toBe(200);
      const notYet = await stream.first('sale.closed');
      expect(notYet.data).toMatchObject({ state: 'not_open', opensAt, closesAt });
      const opened = await stream.first('sale.opened');
      expect(opened.data).toMatchObject({ state: 'open', version: notYet.data.version });
      await eventually(() => stream.events.at(-1)?.data.state === 'closed');
      const closed = stream.events.at(-1)!;
      expect(closed.event).toBe('sale.closed');
      for (const [{ data }, due] of [
        [opened, opensAt],
        [closed, closesAt],
      ] as const) {
        const lateMs = Date.parse(data.serverTime) - Date.parse(due);
        expect(lateMs).toBeGreaterThanOrEqual(0);
        expect(lateMs).toBeLessThan(1_000);
      }
      const always = { opensAt: null, closesAt: null, reason: 'for the test' };
      expect((await shop.call('PATCH', '/api/v1/products/4', { body: always })).status).toBe(200);
    });

    test('survives a storm of viewers who come and go, and so do buyers', async () => {
      await shop.reset(1, 10_000);
      const bought: Promise<{ status: number }>[] = [];
      const came: Promise<boolean>[] = [];
      const startMs = performance.now();
      while (performance.now() - startMs < STORM_MS) {
        for (let i = 0; i < STORM_PER_STEP; i++) came.push(comeAndGo(shop.url));
        bought.push(shop.buy('sync', { productId: 1, quantity: 1 }));
        await Bun.sleep(STORM_STEP_MS);
      }
      expect((await Promise.all(came)).filter((isInformed) => !isInformed)).toEqual([]);
      expect(new Set((await Promise.all(bought)).map(({ status }) => status))).toEqual(new Set([200]));
      await eventually(async () => (await viewersNow(shop)) === 0);
    });

    const wrong: [string, string, number, string, string][] = [
      ['without a product', '', 400, 'invalid_request', 'products'],
      ['with an empty list', 'products=', 400, 'invalid_request', 'products'],
      ['with a product that is no id', 'products=1,x', 400, 'invalid_request', 'products'],
      ['with product 0', 'products=0', 400, 'invalid_request', 'products'],
      ['with a negative product', 'products=-1', 400, 'invalid_request', 'products'],
      ['with a product above 2^53', 'products=9007199254740993', 400, 'invalid_request', 'products'],
      ['with a product that is not there', 'products=1,77', 404, 'unknown_product', 'products'],
      ['with an order id of nobody', 'products=1&order=nobody', 404, 'not_found', 'order'],
      ['with a made-up order id', `products=1&order=${crypto.randomUUID()}`, 404, 'not_found', 'order'],
      ['with 3,000 products', `products=${upTo(3_000)}`, 400, 'invalid_request', 'products'],
      ['with 101 products', `products=${upTo(101)}`, 400, 'invalid_request', 'products'],
      ['with 11 orders', `products=1&order=${upTo(11)}`, 400, 'invalid_request', 'order'],
    ];
    for (const [how, query, status, code, field] of wrong) {
      test(`is refused ${how}`, async () => {
        const answer = await shop.get(`/api/v1/stock/stream?${query}`);
        expect(answer.status).toBe(status);
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        expect(answer.json).toMatchObject({ status, code, field });
      });
    }

    test('that asks for too many products is told how many there may be', async () => {
      const { json } = await shop.get(`/api/v1/stock/stream?products=${upTo(3_000)}`);
      expect(json.message).toBe('products names 3000 products; one stream shows 100');
      // A head of more than 16 KiB Bun refuses by itself, before there is a request.
      expect((await shop.get(`/api/v1/stock/stream?products=${upTo(10_000)}`)).status).toBe(431);
    });

    test('answers HEAD with its head, and GET alone otherwise', async () => {
      const head = await shop.call('HEAD', '/api/v1/stock/stream?products=1');
      expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
      expect((await shop.call('POST', '/api/v1/stock/stream?products=1')).status).toBe(405);
    });

    test('gives its seat back when its viewer goes', async () => {
      {
        await using _ = await openMany(shop.url, 'products=4', 30);
        await eventually(async () => (await viewersNow(shop)) >= 30);
      }
      await eventually(async () => (await viewersNow(shop)) === 0);
    });
  });

  test(
    'more streams than the service or an address may have are refused, until one goes',
    async () => {
      await using shop = await openShop({ PULSECART_STREAMS: '3', PULSECART_STREAMS_PER_ADDRESS: '2' });
      const path = '/api/v1/stock/stream?products=1';
      await using _ = await openMany(shop.url, 'products=1', 2);
      const refused = await shop.get(path);
      expect(refused.status).toBe(429);
      expect(refused.json.code).toBe('too_many_streams');
      expect(refused.headers.get('retry-after')).toMatch(/^[123]$/);
      await shop.restart({ PULSECART_STREAMS: '2', PULSECART_STREAMS_PER_ADDRESS: '0' });
      const [one, other] = [
        await openStream(shop.url, 'products=1'),
        await openStream(shop.url, 'products=1'),
      ];
      const full = await shop.get(path);
      expect([full.status, full.json.code]).toEqual([503, 'overloaded']);
      expect(full.headers.get('retry-after')).toMatch(/^[123]$/);
      one[Symbol.dispose]();
      await eventually(async () => {
        using next = await openStream(shop.url, 'products=1');
        return next.status === 200;
      });
      other[Symbol.dispose]();
    },
    OPEN_TIMEOUT_MS,
  );

  test(
    'SIGTERM ends streams in order, at once, and their viewers find the next server',
    async () => {
      await using shop = await openShop({ PULSECART_DRAIN_MS: '0' });
      await using viewers = await openMany(shop.url, 'products=1', 10);
      const stoppingAtMs = performance.now();
      const exit = await shop.restart();
      await Promise.all(viewers.all.map((viewer) => viewer.ended));
      expect(exit).toBe(0);
      expect(performance.now() - stoppingAtMs).toBeLessThan(9_000);
      for (const { comments } of viewers.all) expect(comments.at(-1)).toMatch(/come back/);
      const retries = new Set(viewers.all.map(({ retryMs }) => retryMs));
      expect(retries.size).toBeGreaterThan(1);
      using again = await openStream(shop.url, 'products=1', { 'Last-Event-ID': viewers.all[0]!.lastId! });
      await again.first('snapshot');
      expect(lastTold(again, 1).version).toBeGreaterThanOrEqual(lastTold(viewers.all[0]!, 1).version);
    },
    OPEN_TIMEOUT_MS,
  );

  test(
    'a server that is killed cuts its streams; whoever comes back sees what the ledger has',
    async () => {
      await using shop = await openShop();
      using before = await openStream(shop.url, 'products=1');
      await before.first('snapshot');
      const bought = [];
      for (let i = 0; i < 20; i++) bought.push(shop.buy('sync', { productId: 1, quantity: 1 }));
      await Promise.race(bought);
      await shop.server.kill();
      await Promise.allSettled(bought);
      await expect(before.ended).rejects.toThrow();
      await shop.restart();
      using after = await openStream(shop.url, 'products=1', { 'Last-Event-ID': before.lastId! });
      await after.first('snapshot');
      expect(lastTold(after, 1).version).toBeGreaterThanOrEqual(lastTold(before, 1).version);
      await eventually(async () => {
        const { products } = await shop.readBooks();
        return products.find(({ id }) => id === 1)!.version === lastTold(after, 1).version;
      });
    },
    OPEN_TIMEOUT_MS,
  );
}

/** 500 viewers a second for two seconds. */
const STORM_MS = 2_000;
const STORM_PER_STEP = 10;
const STORM_STEP_MS = 20;

/** Comes back as a browser does, and goes once it knows how things stand. */
async function comeAndGo(url: string): Promise<boolean> {
  using connection = await connectRaw(url);
  connection.send(rawRequest('GET /api/v1/stock/stream?products=1', { 'Last-Event-ID': '1.1' }));
  return await connection.heard('event: snapshot');
}

function statusIn({ events }: StreamReader): string | undefined {
  const told = events.flatMap(({ event, data }) =>
    event === 'snapshot' ? data.orders : event === 'order.updated' ? [data] : [],
  );
  return told.at(-1)?.status;
}

function upTo(count: number): string {
  return Array.from({ length: count }, (_, i) => i + 1).join(',');
}

async function viewersNow(shop: Shop): Promise<number> {
  return (await shop.get('/actuator/metrics/pulsecart_stream_connections')).json.measurements[0].value;
}

async function openMany(url: string, query: string, count: number) {
  const all = await Promise.all(Array.from({ length: count }, () => openStream(url, query)));
  await Promise.all(all.map((viewer) => viewer.first('snapshot')));
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const viewer of all) viewer[Symbol.dispose]();
    },
  };
}
