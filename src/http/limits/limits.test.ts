import { expect, test } from 'bun:test';
import { ratePolicy } from '../../lib/gcra.ts';
import { createLog } from '../../telemetry/log.ts';
import { NO_BUYERS } from '../buyers/buyers.ts';
import { createTrustedProxies } from '../client-address.ts';
import type { PurchaseRequest } from '../purchase-request.ts';
import type { Route } from '../route.ts';
import { addressRateOf, limitedRoutes } from './limited-routes.ts';
import { createLimits } from './limits.ts';
import { countCancel, createPurchaseLimits } from './purchases.ts';
import { RATE_NAMES, type RatePolicies } from './rates.ts';

/** What a request of an address, a customer or a key costs, without a server; tests/e2e/limits.test.ts has one. */

const HOUR_US = 3600e6;
const OFF = Object.fromEntries(RATE_NAMES.map((name) => [name, null])) as RatePolicies;
const TOKEN = 'of-an-operator';

function open(policies: Partial<RatePolicies>) {
  let nowUs = 1e12;
  const limits = createLimits({
    policies: { ...OFF, ...policies },
    trustedProxies: createTrustedProxies(['10.0.0.1/32']),
    knowsNoProxies: false,
    operatorOf: (req) =>
      req.headers.get('authorization') === `Bearer ${TOKEN}` ? { role: 'admin', name: null } : null,
    log: createLog('silent'),
    nowUs: () => nowUs,
  });
  const server = { requestIP: () => ({ address: '10.0.0.1', port: 1, family: 'IPv4' }) };
  const buying = createPurchaseLimits(limits, 'sync', NO_BUYERS);
  return {
    limits,
    buying,
    server: server as unknown as Bun.Server<unknown>,
    pass(us: number) {
      nowUs += us;
    },
    async buy(userId: string, { address = '198.51.100.7', key = '', productId = 1, token = '' } = {}) {
      const headers: Record<string, string> = {
        'Content-Type': 'application/json',
        'X-Forwarded-For': address,
      };
      if (key !== '') headers['Idempotency-Key'] = key;
      if (token !== '') headers.Authorization = `Bearer ${token}`;
      const body = JSON.stringify({ productId, quantity: 1, userId });
      headers['Content-Length'] = String(body.length);
      const req = new Request('http://shop.example/', { method: 'POST', headers, body });
      return await buying.read(req, server as unknown as Bun.Server<unknown>);
    },
  };
}

type Shop = ReturnType<typeof open>;

/** The status of the refusal, or 200. */
async function statusOf(read: ReturnType<Shop['buy']>): Promise<number> {
  const found = await read;
  return found instanceof Response ? found.status : 200;
}

async function refusalOf(read: ReturnType<Shop['buy']>): Promise<Response> {
  const found = await read;
  if (found instanceof Response) return found;
  throw new Error('was not refused');
}

test('Retry-After is exact: a second earlier is too early', async () => {
  const shop = open({ 'purchase-customer': ratePolicy(6, HOUR_US, 2) });
  expect([await statusOf(shop.buy('ada')), await statusOf(shop.buy('ada'))]).toEqual([200, 200]);
  const refusal = await refusalOf(shop.buy('ada'));
  expect(refusal.headers.get('retry-after')).toBe('600');
  expect(refusal.headers.get('ratelimit-policy')).toBe('"purchase-customer";q=2;w=1200');
  expect(refusal.headers.get('ratelimit')).toBe('"purchase-customer";r=0;t=600');
  shop.pass(599e6);
  expect((await refusalOf(shop.buy('ada'))).headers.get('retry-after')).toBe('1');
  shop.pass(1e6);
  expect(await statusOf(shop.buy('ada'))).toBe(200);
  expect(await statusOf(shop.buy('ada'))).toBe(429);
  expect(shop.limits.counts['purchase-customer']).toBe(3);
});

test('of two limits the longer wait is told, and an attempt that one refuses counts for none', async () => {
  const shop = open({
    'purchase-customer': ratePolicy(60, HOUR_US, 3),
    'purchase-product': ratePolicy(1, HOUR_US, 1),
  });
  expect(await statusOf(shop.buy('ada'))).toBe(200);
  for (let i = 0; i < 5; i++) {
    const refusal = await refusalOf(shop.buy('ada'));
    expect(refusal.headers.get('ratelimit-policy')).toStartWith('"purchase-product"');
    expect(refusal.headers.get('retry-after')).toBe('3600');
  }
  expect([
    await statusOf(shop.buy('ada', { productId: 2 })),
    await statusOf(shop.buy('ada', { productId: 3 })),
  ]).toEqual([200, 200]);
  const refusal = await refusalOf(shop.buy('ada', { productId: 4 }));
  expect(refusal.headers.get('ratelimit-policy')).toStartWith('"purchase-customer"');
});

test('a repeat that another process answered first is given back once it is known to be one', async () => {
  const shop = open({
    'purchase-address': ratePolicy(1, HOUR_US, 2),
    'purchase-customer': ratePolicy(1, HOUR_US, 2),
    'purchase-product': ratePolicy(1, HOUR_US, 2),
  });
  for (let i = 0; i < 10; i++) {
    const read = (await shop.buy('ada', { key: `key ${i}` })) as PurchaseRequest;
    expect(read).not.toBeInstanceOf(Response);
    shop.buying.answered(read.pass, true);
  }
  expect([
    await statusOf(shop.buy('ada')),
    await statusOf(shop.buy('ada')),
    await statusOf(shop.buy('ada')),
  ]).toEqual([200, 200, 429]);
});

test('a repeat of what was answered here passes over the limits of purchases, under that of reads', async () => {
  const shop = open({
    'purchase-address': ratePolicy(1, HOUR_US, 1),
    'purchase-product': ratePolicy(1, HOUR_US, 1),
    'read-address': ratePolicy(1, HOUR_US, 3),
  });
  const first = (await shop.buy('ada', { key: 'one' })) as PurchaseRequest;
  shop.buying.answered(first.pass, false);
  expect(await statusOf(shop.buy('ada'))).toBe(429);
  for (let i = 0; i < 3; i++) {
    const again = (await shop.buy('ada', { key: 'one' })) as PurchaseRequest;
    expect(again).not.toBeInstanceOf(Response);
    shop.buying.answered(again.pass, true);
  }
  const refusal = await refusalOf(shop.buy('ada', { key: 'one' }));
  expect(refusal.headers.get('ratelimit-policy')).toStartWith('"read-address"');
  // The key is its customer's alone, and says nothing of other keys.
  expect(await statusOf(shop.buy('eve', { key: 'one' }))).toBe(429);
  expect(await statusOf(shop.buy('ada', { key: 'two' }))).toBe(429);
});

test('a key that got nothing is attempted anew each time', async () => {
  const shop = open({ 'purchase-product': ratePolicy(1, HOUR_US, 2) });
  const key = 'one';
  expect([await statusOf(shop.buy('ada', { key })), await statusOf(shop.buy('ada', { key }))]).toEqual([
    200, 200,
  ]);
  expect(await statusOf(shop.buy('ada', { key }))).toBe(429);
});

test('who has cancelled often waits before buying that product again, no longer than for one', async () => {
  const shop = open({ 'cancel-product': ratePolicy(1, HOUR_US, 2) });
  countCancel(shop.limits, 'ada', 1);
  expect(await statusOf(shop.buy('ada'))).toBe(200);
  for (let i = 0; i < 10; i++) countCancel(shop.limits, 'ada', 1);
  const refusal = await refusalOf(shop.buy('ada'));
  expect(refusal.headers.get('ratelimit-policy')).toStartWith('"cancel-product"');
  expect(refusal.headers.get('retry-after')).toBe('3600');
  expect([await statusOf(shop.buy('ada', { productId: 2 })), await statusOf(shop.buy('eve'))]).toEqual([
    200, 200,
  ]);
  shop.pass(HOUR_US);
  expect(await statusOf(shop.buy('ada'))).toBe(200);
});

test("an operator's token passes over every limit of purchases, a wrong one over none", async () => {
  const shop = open({
    'purchase-address': ratePolicy(1, HOUR_US, 1),
    'purchase-product': ratePolicy(1, HOUR_US, 1),
  });
  for (let i = 0; i < 5; i++) expect(await statusOf(shop.buy('ada', { token: TOKEN }))).toBe(200);
  expect(await statusOf(shop.buy('ada', { token: 'wrong' }))).toBe(429);
});

test('what is told to be left is what is left to the caller, whoever asks meanwhile', async () => {
  const shop = open({ 'purchase-address': ratePolicy(1, HOUR_US, 2) });
  expect(await statusOf(shop.buy('ada'))).toBe(200);
  const [last, first] = (await Promise.all([
    shop.buy('ada'),
    shop.buy('eve', { address: '198.51.100.8' }),
  ])) as PurchaseRequest[];
  expect(last!.pass!.fields).toMatchObject({ RateLimit: '"purchase-address";r=0;t=3600' });
  expect(first!.pass!.fields).toBeNull();
});

test('a rate that is off limits nothing', async () => {
  const shop = open({});
  for (let i = 0; i < 100; i++) expect(await statusOf(shop.buy('ada'))).toBe(200);
});

test('each kind of route has its rate, and what balancers and collectors ask for has none', () => {
  const cases = [
    ['POST', '/api/v1/sync/purchase', 'sync', undefined, 'purchase-address'],
    [
      'POST',
      '/api/v1/orders/:orderId/cancel',
      'orders',
      { role: 'operator', orOthers: true },
      'purchase-address',
    ],
    ['GET', '/api/v1/sync/stock/:productId', 'sync', undefined, 'read-address'],
    ['GET', '/api/v1/products', 'products', { role: 'viewer', orOthers: true }, 'read-address'],
    ['GET', '/p/:productId', 'pages', undefined, 'read-address'],
    ['GET', '/api/v1/stock/stream', 'live', undefined, 'stream-address'],
    ['GET', '/api/v1/ops/log', 'operations', { role: 'viewer' }, 'operator-address'],
    ['PUT', '/api/v1/sync/stock/:productId/reset', 'sync', { role: 'viewer' }, 'operator-address'],
    ['GET', '/api/v1/sync/health', 'sync', undefined, null],
    ['GET', '/actuator/health', 'actuator', undefined, null],
    ['GET', '/assets/:name', 'pages', undefined, null],
  ] as const;
  for (const [method, path, tag, access, rate] of cases) {
    expect([path, addressRateOf({ method, path, tag, ...(access && { access }) })]).toEqual([path, rate]);
  }
});

test('a limited route tells its rate when little is left, and refuses as it says errors', async () => {
  const shop = open({ 'read-address': ratePolicy(1, HOUR_US, 4) });
  const route = { method: 'GET', path: '/api/v1/products', tag: 'products', failure: 'problem' } as const;
  const [limited] = limitedRoutes(
    [{ ...route, handle: () => Response.json({}) } as unknown as Route],
    shop.limits,
  );
  const ask = async () => {
    const req = new Request('http://shop.example/', { headers: { 'X-Forwarded-For': '198.51.100.7' } });
    return await limited!.handle(req as never, shop.server);
  };
  expect([(await ask()).headers.get('ratelimit'), (await ask()).headers.get('ratelimit')]).toEqual([
    null,
    null,
  ]);
  expect((await ask()).headers.get('ratelimit')).toBe('"read-address";r=1;t=3600');
  expect((await ask()).headers.get('ratelimit')).toBe('"read-address";r=0;t=3600');
  const refused = await ask();
  expect([refused.status, refused.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
  expect(await refused.json()).toMatchObject({ status: 429, code: 'too_many_requests' });
});
