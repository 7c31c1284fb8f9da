import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { eventually, type Shop } from '../support/shop.ts';

/** Orders as operators list and export them, over HTTP, against a real server process. */

const OPEN_TIMEOUT_MS = 90_000;
const FORMULA = '=cmd|"calc"!A1, please';
const COLUMNS =
  'orderId,status,productId,generation,customer,quantity,number,channel,amountMinor,currency,attempts,createdAt,expiresAt,updatedAt';

export function describeOrders(openShop: (env?: Record<string, string>) => Promise<Shop>): void {
  let shop: Shop;
  /** In the order in which they were bought. */
  const bought: { orderId: string; customer: string | null; productId: number }[] = [];

  beforeAll(async () => {
    shop = await openShop();
    for (const [customer, productId] of [
      ['ann', 2],
      ['bob', 2],
      [FORMULA, 3],
      [null, 2],
      ['ann', 3],
      ['test_decline', 2],
    ] as const) {
      const { status, json } = await shop.buy('sync', { productId, quantity: 2, userId: customer });
      expect(status).toBe(200);
      bought.push({ orderId: json.orderId, customer, productId });
    }
    await eventually(async () =>
      (await list('')).orders.every(
        ({ status }: { status: string }) => status === 'paid' || status === 'declined',
      ),
    );
    const { status } = await shop.call('POST', `/api/v1/orders/${bought[1]!.orderId}/refund`, {
      body: { reason: 'why' },
    });
    expect([200, 202]).toContain(status);
    await eventually(async () => (await list('status=refunded')).orders.length === 1);
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    expect((await shop.readBooks()).breaches).toEqual([]);
    await shop[Symbol.asyncDispose]();
  }, OPEN_TIMEOUT_MS);

  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they check.
  async function list(query: string): Promise<any> {
    const { status, text, json } = await shop.get(`/api/v1/orders?${query}`);
    if (status !== 200) throw new Error(text);
    return json;
  }
  const idsOf = async (query: string): Promise<string[]> =>
    (await list(query)).orders.map(({ orderId }: { orderId: string }) => orderId);
  const those = (...places: number[]) => places.map((i) => bought[i]!.orderId);

  describe('orders', () => {
    test('are listed newest first, with their customers', async () => {
      const { orders, next } = await list('');
      expect(next).toBeNull();
      expect(orders.map(({ orderId }: { orderId: string }) => orderId)).toEqual(those(5, 4, 3, 2, 1, 0));
      const { payments: _, ...shown } = (await shop.get(`/api/v1/orders/${bought[0]!.orderId}`)).json;
      expect(orders.at(-1)).toEqual({ ...shown, generation: 1, customer: 'ann', attempts: 1 });
      expect(orders[2].customer).toBeNull();
      expect(Object.keys(orders[0]).join()).toBe(COLUMNS);
    });

    test('are found by customer, product, status and all of them together', async () => {
      expect(await idsOf('customer=ann')).toEqual(those(4, 0));
      expect(await idsOf('customer=%20ann%20')).toEqual(those(4, 0));
      expect(await idsOf(`customer=${encodeURIComponent(FORMULA)}`)).toEqual(those(2));
      expect(await idsOf('product=3')).toEqual(those(4, 2));
      expect(await idsOf('product=77')).toEqual([]);
      expect(await idsOf('status=paid')).toEqual(those(4, 3, 2, 0));
      expect(await idsOf('status=declined')).toEqual(those(5));
      expect(await idsOf('status=reserved')).toEqual([]);
      expect(await idsOf('customer=ann&product=2&status=paid')).toEqual(those(0));
      expect(await idsOf('customer=bob&status=paid')).toEqual([]);
    });

    test('are found by the time of their acceptance, to the millisecond and in any zone', async () => {
      const acceptedAt = (orderId: string) => Number.parseInt(orderId.replace('-', '').slice(0, 12), 16);
      const atMs = acceptedAt(bought[2]!.orderId);
      const ids = those(5, 4, 3, 2, 1, 0);
      const since = ids.filter((id) => acceptedAt(id) >= atMs);
      const until = ids.filter((id) => acceptedAt(id) < atMs);
      expect([since.length > 0, until.length > 0]).toEqual([true, true]);
      const at = (ms: number) => new Date(ms).toISOString();
      expect(await idsOf(`from=${at(atMs)}`)).toEqual(since);
      expect(await idsOf(`from=${at(atMs)}&to=${at(atMs + 1)}`)).toContain(bought[2]!.orderId);
      expect(await idsOf(`to=${at(atMs)}`)).toEqual(until);
      const inIndia = at(atMs + 19_800_000).replace('Z', '+05:30');
      for (const zoned of [encodeURIComponent(inIndia), inIndia])
        expect(await idsOf(`from=${zoned}`)).toEqual(since);
      expect(await idsOf('from=2099-01-01T00:00:00Z&to=2001-01-01T00:00:00Z')).toEqual([]);
    });

    test('go on page by page', async () => {
      const seen: string[] = [];
      for (let before = ''; ; ) {
        const { orders, next } = await list(`product=2&limit=1${before && `&before=${before}`}`);
        seen.push(...orders.map(({ orderId }: { orderId: string }) => orderId));
        if (next === null) break;
        before = next.toUpperCase();
      }
      expect(seen).toEqual(those(5, 3, 1, 0));
    });

    test.each([
      ['customer', ['', '%20', 'x'.repeat(65), 'a%00b']],
      ['product', ['', '0', '-1', '1.5', 'x', '9007199254740993']],
      ['status', ['', 'pending', 'PAID', 'returning', 'paid,declined']],
      ['from', ['', 'yesterday', '2026-11-22', '2026-02-30T00:00:00Z', '2026-11-22T10:00:00']],
      ['to', ['x', '10000-01-01T00:00:00Z']],
      ['limit', ['', '0', '201', 'x']],
      ['before', ['', 'x', '00000000-0000-0000-0000-00000000000']],
    ])('are not listed for a wrong %s, which is named', async (field, values) => {
      for (const value of values) {
        const answer = await shop.get(`/api/v1/orders?${field}=${value}`);
        expect([value, answer.status]).toEqual([value, 400]);
        expect(answer.json).toMatchObject({ code: 'invalid_request', field });
        expect(answer.json.message).toStartWith(field);
        if (field === 'limit' || field === 'before') continue;
        expect((await shop.get(`/api/v1/orders.csv?${field}=${value}`)).status).toBe(400);
      }
    });

    test('are for operators alone', async () => {
      for (const path of ['/api/v1/orders', '/api/v1/orders.csv']) {
        const { status, json } = await shop.get(path, { Authorization: '' });
        expect([status, json.code]).toEqual([401, 'unauthorized']);
      }
    });
  });

  describe('an export', () => {
    test('has every order that the list has, as a file of lines', async () => {
      const { status, headers, text } = await shop.get('/api/v1/orders.csv');
      expect([status, headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8; header=present']);
      expect(headers.get('content-disposition')).toMatch(/^attachment; filename="orders-\d{8}T\d{6}Z\.csv"$/);
      expect(headers.get('cache-control')).toBe('no-store');
      const [names, ...lines] = text.split('\r\n');
      expect(names).toBe(COLUMNS);
      expect(lines.pop()).toBe('');
      const { orders } = await list('');
      expect(lines.map((line) => line.split(',')[0])).toEqual(
        orders.map(({ orderId }: { orderId: string }) => orderId),
      );
      expect(lines[5]).toBe(Object.values(orders[5]).join());
      expect(lines[3]).toContain(`,1,"'=cmd|""calc""!A1, please",2,`);
      expect(lines[2]).toContain(',2,1,,2,');
    });

    test('has what the filters leave', async () => {
      const { text } = await shop.get('/api/v1/orders.csv?customer=ann&product=3');
      expect(text.split('\r\n')).toHaveLength(3);
      expect((await shop.get('/api/v1/orders.csv?product=77')).text).toBe(`${COLUMNS}\r\n`);
    });
  });
}
