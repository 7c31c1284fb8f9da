import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { openStream } from '../support/event-stream.ts';
import { signWith } from '../support/issuer.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/** Storefronts on other origins, as their browsers ask. */

const SECRET = 'a secret of the shop, for tests alone';
const SHOP = 'https://shop.example';
const EVIL = 'https://evil.example';
const BUY = '/api/v1/sync/purchase';
const READ = 'Retry-After, RateLimit-Policy, RateLimit, Location, ETag, X-Request-Id, Age, Allow';

let shop: EmbeddedShop;
beforeAll(async () => {
  shop = await openShop({
    PULSECART_AUTH_SECRET: SECRET,
    PULSECART_CORS_ORIGINS: `http://localhost:3000, ${SHOP}`,
    PULSECART_STREAMS: '1',
  });
});
afterAll(() => shop[Symbol.asyncDispose]());

const from = (Origin: string, more: Record<string, string> = {}) => ({ Origin, ...more });
const preflight = (path: string, method: string, Origin: string = SHOP) =>
  shop.call('OPTIONS', path, { headers: from(Origin, { 'Access-Control-Request-Method': method }) });
/** What says which page may read, and how the answer is kept. */
const corsOf = ({ headers }: { readonly headers: Headers }) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));
const READABLE = {
  'access-control-allow-origin': SHOP,
  'access-control-expose-headers': READ,
  vary: 'Origin',
};

test('a preflight of an origin that is named hears what it may send, and another one nothing', async () => {
  const answer = await preflight(BUY, 'POST');
  expect([answer.status, answer.text, answer.headers.get('allow')]).toEqual([204, '', 'POST, OPTIONS']);
  expect(corsOf(answer)).toEqual({
    'access-control-allow-origin': SHOP,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers':
      'Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, X-Request-Id, traceparent, tracestate',
    'access-control-max-age': '7200',
    vary: 'Origin',
  });
  for (const origin of [EVIL, 'null', `${SHOP}:8443`, 'http://shop.example', `${SHOP}.evil.example`]) {
    const refused = await preflight(BUY, 'POST', origin);
    expect([origin, refused.status, corsOf(refused)]).toEqual([origin, 204, { vary: 'Origin' }]);
  }
  expect(corsOf(await shop.call('OPTIONS', BUY, { headers: from(SHOP) }))).toEqual({ vary: 'Origin' });
});

test('only buyers’ routes are open', async () => {
  const routes = createRoutes({} as Service);
  expect(routes.length).toBeGreaterThan(50);
  for (const { method, path, access } of routes) {
    const answer = await preflight(path.replace(/:\w+/g, '1'), method);
    const isBuyers = path.startsWith('/api/') && (!access || access.orOthers === true);
    expect([method, path, answer.headers.has('access-control-allow-origin')]).toEqual([
      method,
      path,
      isBuyers,
    ]);
  }
  for (const path of ['/api/v1/ops/log', '/ops', '/', '/actuator/health', '/openapi.json', '/nothing']) {
    const answer = await shop.get(path, from(SHOP));
    expect([path, answer.headers.get('access-control-allow-origin')]).toEqual([path, null]);
  }
});

test('answers and errors of buyers’ routes can be read there, and those of none by another origin', async () => {
  const bearer = { Authorization: `Bearer ${await signWith(SECRET, { sub: 'ada' })}` };
  const one = { productId: 1, quantity: 1 };
  const cases = [
    ['POST', BUY, one, bearer, 200],
    ['POST', '/api/v1/async/purchase', one, bearer, 202],
    ['POST', BUY, { productId: 1 }, bearer, 400],
    ['POST', BUY, one, {}, 401],
    ['POST', BUY, { ...one, userId: 'grace' }, bearer, 403],
    ['GET', '/api/v1/orders/nothing', undefined, bearer, 404],
    ['POST', BUY, { ...one, quantity: 5_000 }, bearer, 409],
    ['POST', BUY, 'text', { ...bearer, 'Content-Type': 'text/plain' }, 415],
    ['GET', '/api/v1/sync/stock/1', undefined, {}, 200],
    ['GET', '/api/v1/products', undefined, {}, 200],
  ] as const;
  for (const [method, path, body, headers, status] of cases) {
    const answer = await shop.call(method, path, { body, headers: from(SHOP, headers) });
    expect([path, answer.status, corsOf(answer)]).toEqual([path, status, READABLE]);
    const other = await shop.call(method, path, { body, headers: from(EVIL, headers) });
    expect([path, other.status, corsOf(other)]).toEqual([path, status, { vary: 'Origin' }]);
  }
  const { etag } = Object.fromEntries((await shop.get('/api/v1/sync/stock/2')).headers);
  const same = await shop.get('/api/v1/sync/stock/2', from(SHOP, { 'If-None-Match': etag! }));
  expect([same.status, corsOf(same)]).toEqual([304, READABLE]);
});

test('so can a live stream, and the refusal of one more', async () => {
  const { token } = (await shop.call('POST', '/api/v1/session')).json;
  const headers = from(SHOP, { Authorization: `Bearer ${token}` });
  using stream = await openStream(shop.url, 'products=1', headers);
  expect(corsOf(stream)).toEqual(READABLE);
  const refused = await shop.get('/api/v1/stock/stream?products=1', headers);
  expect([refused.status, corsOf(refused)]).toEqual([503, READABLE]);
});

test('a guest of a page there has its session in the answer, and no cookie is set or used', async () => {
  const first = await shop.call('POST', '/api/v1/session', { headers: from(SHOP) });
  expect([first.status, first.headers.get('set-cookie'), first.json.guest]).toEqual([200, null, true]);
  const cookie = { Cookie: `pulsecart_session=${first.json.token}` };
  const again = await shop.call('POST', '/api/v1/session', { headers: from(SHOP, cookie) });
  expect(again.json.customer).not.toBe(first.json.customer);
  const bought = await shop.buy('sync', { productId: 1, quantity: 1 }, from(SHOP, cookie));
  expect([bought.status, bought.json.code]).toEqual([403, 'cross_site']);
  const evil = await shop.call('POST', '/api/v1/session', { headers: from(EVIL) });
  expect([evil.status, evil.json.code]).toEqual([403, 'cross_site']);
});

test('every origin is one word where buyers are not known, and without the setting nothing is said', async () => {
  await using any = await openShop({ PULSECART_CORS_ORIGINS: '*' });
  const answer = await any.get('/api/v1/sync/stock/1', from(EVIL));
  expect(corsOf(answer)).toEqual({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': READ,
  });
  await using none = await openShop();
  for (const method of ['GET', 'OPTIONS']) {
    const headers = from(SHOP, { 'Access-Control-Request-Method': 'GET' });
    expect(corsOf(await none.call(method, '/api/v1/sync/stock/1', { headers }))).toEqual({});
  }
});
