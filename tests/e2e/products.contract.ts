import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Answer } from '../support/caller.ts';
import { eventually, type Shop } from '../support/shop.ts';

/** Products and sales over HTTP, against a real server process. */

const OPEN_TIMEOUT_MS = 90_000;
const LONG_MS = 3_600_000;

export function describeProducts(openShop: (env?: Record<string, string>) => Promise<Shop>): void {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop();
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    const { breaches } = await shop.readBooks();
    await shop[Symbol.asyncDispose]();
    expect(breaches).toEqual([]);
  }, OPEN_TIMEOUT_MS);

  const thing = { name: 'Thing', priceMinor: 100, currency: 'EUR', units: 5, reason: 'for the test' };
  const create = (body: object, headers = {}) =>
    shop.call('POST', '/api/v1/products', { body: { ...thing, ...body }, headers });
  const created = async (body: object = {}): Promise<number> => {
    const { status, text, json } = await create(body);
    if (status !== 201) throw new Error(text);
    return json.productId;
  };
  const read = (id: number, headers = {}) => shop.get(`/api/v1/products/${id}`, headers);
  const patch = (id: number, body: object, headers = {}): Promise<Answer> =>
    shop.call('PATCH', `/api/v1/products/${id}`, { body: { reason: 'for the test', ...body }, headers });
  const act = (id: number, action: string, body: object = {}, headers = {}): Promise<Answer> =>
    shop.call('POST', `/api/v1/products/${id}/${action}`, {
      body: { reason: 'for the test', ...body },
      headers,
    });
  const buy = async (productId: number, more: object = {}) => {
    const { status, json } = await shop.buy('sync', { productId, quantity: 1, ...more });
    return status === 200 ? 'bought' : json.code;
  };
  const lastLogged = async () => (await shop.get('/api/v1/ops/log?limit=1')).json.operations[0];
  const bytesOf = (text: string) => Buffer.from(text).toString('latin1');
  const inAnHour = (hours = 1) => new Date(Date.now() + hours * LONG_MS).toISOString();

  describe('reading', () => {
    test('a product shows its units, its sale and the time, with an ETag that a change replaces', async () => {
      const id = await created();
      const { status, headers, json } = await read(id);
      const { reason: _, units, ...named } = thing;
      expect([status, json]).toEqual([
        200,
        {
          ...named,
          description: null,
          imageUrl: null,
          productId: id,
          total: units,
          available: units,
          reserved: 0,
          sold: 0,
          version: 1,
          generation: 1,
          state: 'open',
          paused: false,
          drained: false,
          opensAt: null,
          closesAt: null,
          perCustomerLimit: null,
          customerRequired: false,
          holdSeconds: 600,
          serverTime: expect.any(String),
        },
      ]);
      const etag = headers.get('etag')!;
      expect(etag).toBe('"1.open"');
      expect((await read(id, { 'If-None-Match': etag })).status).toBe(304);
      expect((await act(id, 'pause')).headers.get('etag')).toBe('"2.paused"');
      expect((await read(id, { 'If-None-Match': etag })).json).toMatchObject({
        state: 'paused',
        paused: true,
      });
    });

    test('a description and a picture are shown, change the ETag, and are taken away by null', async () => {
      const shown = {
        description: 'Row 1,\r\nseat 2 🎟 <b>',
        imageUrl: 'https://example.com/a%20b.png?w=1#x',
      };
      const id = await created(shown);
      const first = await read(id);
      expect(first.json).toMatchObject({ ...shown, version: 1 });
      expect((await lastLogged()).details).toMatchObject(shown);
      const list = await shop.get(`/api/v1/products?after=${id - 1}&limit=1`);
      expect(list.json.products[0]).toMatchObject(shown);
      const etag = first.headers.get('etag')!;
      expect((await read(id, { 'If-None-Match': etag })).status).toBe(304);

      const changed = await patch(id, { description: 'Other' }, { 'If-Match': etag });
      expect([changed.status, changed.json.description, changed.json.version]).toEqual([200, 'Other', 2]);
      expect((await lastLogged()).details).toEqual({ description: 'Other' });
      const second = await read(id, { 'If-None-Match': etag });
      expect([second.status, second.json.description, second.json.imageUrl]).toEqual([
        200,
        'Other',
        shown.imageUrl,
      ]);
      expect(second.headers.get('etag')).toBe(changed.headers.get('etag'));

      expect(await buy(id)).toBe('bought');
      expect((await patch(id, { description: null, imageUrl: '/pictures/3.png' })).status).toBe(200);
      expect((await patch(id, { imageUrl: null })).status).toBe(200);
      const { json, headers } = await read(id);
      expect([json.description, json.imageUrl, json.reserved + json.sold]).toEqual([null, null, 1]);
      expect(headers.get('etag')).toBe(`"${json.version}.open"`);
    });

    test('the first five products are described in a sentence each', async () => {
      const { products } = (await shop.get('/api/v1/products?limit=5')).json;
      expect(products).toHaveLength(5);
      for (const { description, imageUrl } of products) {
        expect(description).toMatch(/^[A-Z][^.]+\.$/);
        expect(imageUrl).toBeNull();
      }
    });

    test('the list goes page by page to its end', async () => {
      const ids = [await created(), await created(), await created()];
      const seen: number[] = [];
      for (let after: number | null = ids[0]! - 1; after !== null; ) {
        const { json }: Answer = await shop.get(`/api/v1/products?limit=2&after=${after}`);
        seen.push(...json.products.map(({ productId }: { productId: number }) => productId));
        after = json.next;
      }
      expect(seen.slice(0, 3)).toEqual(ids);
      expect((await shop.get('/api/v1/products')).json.products.length).toBeGreaterThanOrEqual(8);
    });

    test('a product that is not there is 404', async () => {
      for (const id of ['99999', '0', 'x', '9007199254740993']) {
        const { status, json } = await shop.get(`/api/v1/products/${id}`);
        expect([status, json.code, json.field]).toEqual([404, 'unknown_product', 'productId']);
      }
    });
  });

  describe('an operator', () => {
    test('puts a product on sale, and is written down', async () => {
      const { status, headers, json } = await create({ perCustomerLimit: 1 }, { 'X-Operator': 'grace' });
      expect([status, headers.get('location')]).toEqual([201, `/api/v1/products/${json.productId}`]);
      expect(await buy(json.productId, { userId: 'ann' })).toBe('bought');
      expect(await buy(json.productId, { userId: 'ann' })).toBe('limit_reached');
      expect(await lastLogged()).toMatchObject({
        actor: 'grace',
        action: 'product.create',
        subject: `product/${json.productId}`,
        reason: 'for the test',
      });
    });

    test('B20 can ask for a userId, and let anonymous buyers in again', async () => {
      const { productId, customerRequired } = (await create({ perCustomerLimit: 1, customerRequired: true }))
        .json;
      expect(customerRequired).toBe(true);
      const anonymous = await shop.buy('sync', { productId, quantity: 1 });
      expect([anonymous.status, anonymous.json]).toEqual([
        409,
        expect.objectContaining({
          success: false,
          code: 'customer_required',
          orderId: null,
          remainingStock: 5,
        }),
      ]);
      const { trackingId } = (await shop.buy('async', { productId, quantity: 1, userId: null })).json;
      expect((await shop.get(`/api/v1/async/purchase/${trackingId}?wait=20s`)).json).toMatchObject({
        status: 'rejected',
        code: 'customer_required',
      });
      expect(await buy(productId, { userId: 'ann' })).toBe('bought');
      expect((await patch(productId, { customerRequired: false })).json.customerRequired).toBe(false);
      expect((await lastLogged()).details).toEqual({ customerRequired: false });
      expect(await buy(productId)).toBe('bought');
    });

    test('B20 has one customer under one limit, however the name is typed', async () => {
      const productId = await created({ perCustomerLimit: 1 });
      expect(await buy(productId, { userId: 'Ame\u0301lie' })).toBe('bought');
      for (const userId of ['Am\u00e9lie', ' Am\u00e9lie', 'Ame\u0301lie \u3000'])
        expect(await buy(productId, { userId })).toBe('limit_reached');
      expect(await buy(productId, { userId: 'am\u00e9lie' })).toBe('bought');
      expect(await buy(productId, { userId: 7 })).toBe('bought');
      expect(await buy(productId, { userId: ' 7 ' })).toBe('limit_reached');
      const { status, json } = await shop.buy('sync', { productId, quantity: 1, userId: ' \u00a0' });
      expect([status, json.field]).toEqual([400, 'userId']);
      const key = { 'Idempotency-Key': 'of-amelie' };
      const again = { productId, quantity: 1, userId: 'Ze\u0301lie' };
      const first = await shop.buy('sync', again, key);
      expect((await shop.buy('sync', { ...again, userId: 'Z\u00e9lie ' }, key)).text).toBe(first.text);
    });

    test('chooses an id, which nobody else may have', async () => {
      const productId = 700_000;
      expect(await created({ productId })).toBe(productId);
      const { status, json } = await create({ productId });
      expect([status, json.code, json.field]).toEqual([409, 'product_exists', 'productId']);
    });

    test('changes a product as it was seen, or not at all', async () => {
      const id = await created();
      const etag = (await read(id)).headers.get('etag')!;
      await buy(id);
      const { status, json } = await patch(id, { priceMinor: 1 }, { 'If-Match': etag });
      expect([status, json.code, json.field]).toEqual([412, 'version_mismatch', 'If-Match']);
      expect(json.message).toMatch(/at version \d+ now/);
      // Its payment raises the version once more.
      await eventually(async () => (await read(id)).json.sold === 1);
      const now = (await act(id, 'pause')).json;
      const changed = await patch(id, { priceMinor: 1 }, { 'If-Match': `"${now.version}"` });
      expect(changed.json).toMatchObject({ priceMinor: 1, version: now.version + 1 });
    });

    test('sets and clears times and limits', async () => {
      const id = await created();
      const [opensAt, closesAt] = [inAnHour(1), inAnHour(2)];
      const { json } = await patch(id, { opensAt, closesAt, perCustomerLimit: 2, holdSeconds: 30 });
      expect(json).toMatchObject({
        opensAt,
        closesAt,
        perCustomerLimit: 2,
        holdSeconds: 30,
        state: 'not_open',
      });
      expect(await buy(id)).toBe('sale_not_open');
      const cleared = await patch(id, { opensAt: null, closesAt: null, perCustomerLimit: null });
      expect(cleared.json).toMatchObject({
        opensAt: null,
        closesAt: null,
        perCustomerLimit: null,
        state: 'open',
      });
      expect(await buy(id)).toBe('bought');
      expect(await lastLogged()).toMatchObject({
        action: 'product.change',
        details: { opensAt: null, closesAt: null, perCustomerLimit: null },
      });
    });

    test('adds units, which a sold-out sale sells at once, sync and async', async () => {
      const id = await created({ units: 0 });
      expect(await buy(id)).toBe('sold_out');
      const { json } = await act(id, 'units', { delta: 2 });
      expect(json).toMatchObject({ total: 2, available: 2 });
      expect(await buy(id)).toBe('bought');
      const { trackingId } = (await shop.buy('async', { productId: id, quantity: 1 })).json;
      await eventually(async () => {
        const { json } = await shop.get(`/api/v1/async/purchase/${trackingId}?wait=5s`);
        return json.status === 'confirmed';
      });
    });

    test('takes away what is free and no more, and hears how much that is', async () => {
      const id = await created({ units: 5 });
      await buy(id, { quantity: 2 });
      const { status, json } = await act(id, 'units', { delta: -4 });
      expect([status, json.code, json.field]).toEqual([409, 'units_below_committed', 'delta']);
      expect(json.message).toContain('at least -3');
      expect((await act(id, 'units', { delta: -3 })).json).toMatchObject({ total: 2, available: 0 });
    });

    test('sets no limit below what somebody holds, and hears how much that is', async () => {
      const id = await created({ units: 9 });
      await buy(id, { quantity: 3, userId: 'ann' });
      const { status, json } = await patch(id, { perCustomerLimit: 2 });
      expect([status, json.code, json.field]).toEqual([409, 'limit_below_held', 'perCustomerLimit']);
      expect(json.message).toContain('at least 3');
      await patch(id, { perCustomerLimit: 3 });
      expect(await buy(id, { userId: 'ann' })).toBe('limit_reached');
    });

    test('pauses and resumes a sale; queued purchases are told so, too', async () => {
      const id = await created();
      await act(id, 'pause');
      expect(await buy(id)).toBe('sale_paused');
      const { trackingId } = (await shop.buy('async', { productId: id, quantity: 1 })).json;
      const outcome = (await shop.get(`/api/v1/async/purchase/${trackingId}?wait=20s`)).json;
      expect(outcome).toMatchObject({ status: 'rejected', code: 'sale_paused' });
      expect((await act(id, 'resume')).json).toMatchObject({ state: 'open', paused: false });
      expect(await buy(id)).toBe('bought');
    });

    test('drains a sale, and sees when nothing is under way any more', async () => {
      const id = await created();
      await buy(id);
      const { json } = await act(id, 'drain');
      expect(json.state).toBe('closed');
      expect(Date.parse(json.closesAt)).toBeLessThanOrEqual(Date.parse(json.serverTime));
      expect(await buy(id)).toBe('sale_closed');
      await eventually(async () => (await read(id)).json.drained);
      expect((await read(id)).json).toMatchObject({ reserved: 0, sold: 1 });
      expect(await lastLogged()).toMatchObject({ action: 'sale.drain', subject: `product/${id}` });
    });

    test('hears that a sold-out sale is closed, not sold out, whichever way it is asked', async () => {
      const id = await created({ units: 0 });
      expect(await buy(id)).toBe('sold_out');
      await act(id, 'drain');
      expect(await buy(id)).toBe('sale_closed');
      expect(await buy(id, { quantity: 3 })).toBe('sale_closed');
      const { trackingId } = (await shop.buy('async', { productId: id, quantity: 1 })).json;
      const outcome = (await shop.get(`/api/v1/async/purchase/${trackingId}?wait=20s`)).json;
      expect(outcome).toMatchObject({ status: 'rejected', code: 'sale_closed' });
    });

    test('B18 sends a call again with its Idempotency-Key, and it is done once', async () => {
      const key = (value: string) => ({ 'Idempotency-Key': value });
      const made = await create({}, key('a new thing'));
      const id = made.json.productId;
      const again = await create({}, key('a new thing'));
      expect([made.status, again.status, again.json.productId]).toEqual([201, 201, id]);
      const other = await create({ units: 6 }, key('a new thing'));
      expect([other.status, other.json.code, other.json.field]).toEqual([
        422,
        'idempotency_mismatch',
        'Idempotency-Key',
      ]);
      expect((await create({ productId: 800_000 }, key('a new thing'))).status).toBe(422);

      for (const _ of [1, 2]) {
        const { json } = await act(id, 'units', { delta: 5 }, key('a lorry'));
        expect(json.total).toBe(10);
      }
      expect((await act(id, 'units', { delta: 6 }, key('a lorry'))).status).toBe(422);
      // Another product is another call.
      expect((await act(await created(), 'units', { delta: 5 }, key('a lorry'))).json.total).toBe(10);

      const reset = (stock: number) =>
        shop.call('PUT', `/api/v1/sync/stock/${id}/reset?stock=${stock}`, { headers: key('"round 2"') });
      const [first, second] = [await reset(3), await reset(3)];
      expect([first.status, first.text]).toEqual([200, `Stock reset to 3 for product: ${id}`]);
      expect(second.text).toBe(first.text);
      expect((await read(id)).json).toMatchObject({ generation: 2, total: 3 });
      expect((await reset(4)).json).toMatchObject({ code: 'idempotency_mismatch', field: 'Idempotency-Key' });
      expect((await act(id, 'units', { delta: 1 }, key('é'))).json.field).toBe('Idempotency-Key');
      const { operations } = (await shop.get('/api/v1/ops/log?limit=5')).json;
      expect(
        operations.filter(({ subject }: { subject: string }) => subject === `product/${id}`),
      ).toHaveLength(3);
    });

    test('resets and makes the gate follow with a name and a reason, and the answers stay as they are', async () => {
      const headers = { 'X-Operator': 'ada', 'X-Reason': 'second round' };
      const reset = await shop.call('PUT', '/api/v1/sync/stock/5/reset?stock=7', { headers });
      expect([reset.status, reset.text]).toEqual([200, 'Stock reset to 7 for product: 5']);
      const logged = { actor: 'ada', reason: 'second round', subject: 'product/5' };
      expect(await lastLogged()).toMatchObject({ ...logged, action: 'stock.reset', details: { units: 7 } });
      const init = await shop.call('POST', '/api/v1/sync/stock/init/5', { headers });
      expect([init.status, init.text]).toEqual([200, 'Stock initialized for product: 5']);
      expect(await lastLogged()).toMatchObject({ ...logged, action: 'stock.init' });
      // Bytes of UTF-8, as curl sends them, and percent-encoded, as Java's client has to.
      const [actor, reason] = ['Jürgen Größe', 'zweite Runde für München'];
      const ways = [
        { 'X-Operator': bytesOf(actor), 'X-Reason': bytesOf(reason) },
        { 'X-Operator': `UTF-8''${encodeURI(actor)}`, 'X-Reason': `UTF-8''${encodeURI(reason)}` },
      ];
      for (const headers of ways) {
        await shop.call('PUT', '/api/v1/sync/stock/5/reset?stock=7', { headers });
        expect(await lastLogged()).toMatchObject({ actor, reason });
      }
      const broken = await shop.call('POST', '/api/v1/sync/stock/init/5', {
        headers: { 'X-Reason': 'M\xfcnchen' },
      });
      expect([broken.status, broken.json.field]).toEqual([400, 'X-Reason']);
      expect(broken.json.message).toContain('UTF-8');
      const wrong = await shop.call('POST', '/api/v1/sync/stock/init/5', {
        headers: { 'X-Operator': 'system' },
      });
      expect([wrong.status, wrong.json.field]).toEqual([400, 'X-Operator']);
    });
  });

  describe('a hidden product', () => {
    const remove = (id: number, headers = {}) =>
      shop.call('DELETE', `/api/v1/products/${id}`, { body: { reason: 'it is over' }, headers });
    const listedIds = async () => {
      const { products } = (await shop.get('/api/v1/products?limit=1000')).json;
      return products.map(({ productId }: { productId: number }) => productId);
    };

    test('gets an id that nobody guesses, sells by it, and is in no list', async () => {
      const id = await created({ currency: 'XTS' });
      expect(id).toBeGreaterThanOrEqual(2 ** 52);
      expect(await created()).toBeLessThan(1_000);
      expect(await listedIds()).not.toContain(id);
      expect((await shop.get('/api/v1/products?hidden=true', { Authorization: '' })).status).toBe(401);
      expect((await shop.get('/api/v1/products?hidden=yes')).json).toMatchObject({ field: 'hidden' });
      expect(await buy(id)).toBe('bought');
      const named = await create({ currency: 'XTS', productId: 4_000 });
      expect([named.status, named.json.field]).toEqual([400, 'productId']);
    });

    test('is removed once it is drained, and others never', async () => {
      const id = await created({ currency: 'XTS' });
      expect(await buy(id)).toBe('bought');
      expect((await remove(id)).json).toMatchObject({ status: 409, code: 'sale_not_drained' });
      expect((await remove(id, { Authorization: '' })).status).toBe(401);
      expect((await act(id, 'drain')).status).toBe(200);
      let answer: Answer | undefined;
      await eventually(async () => {
        answer = await remove(id);
        return answer.status !== 409;
      });
      expect([answer?.status, answer?.json]).toEqual([200, { productId: id, removed: true }]);
      expect(await lastLogged()).toMatchObject({ action: 'product.remove', subject: `product/${id}` });
      expect((await remove(id)).json).toMatchObject({ status: 404, code: 'unknown_product' });
      const visible = await created();
      await act(visible, 'drain');
      expect((await remove(visible)).json).toMatchObject({ status: 409, code: 'product_not_hidden' });
    });
  });

  test('nobody else changes anything', async () => {
    const headers = { Authorization: '' };
    const answers = [
      await create({}, headers),
      await patch(1, { priceMinor: 1 }, headers),
      await act(1, 'units', { delta: 1 }, headers),
      await act(1, 'pause', {}, headers),
      await act(1, 'resume', {}, headers),
      await act(1, 'drain', {}, headers),
    ];
    for (const { status, json } of answers) expect([status, json.code]).toEqual([401, 'unauthorized']);
    expect((await read(1)).json).toMatchObject({ version: 1, state: 'open' });
  });
}
