import { afterAll, beforeAll, expect, test } from 'bun:test';
import { runPulsecart } from '../support/command.ts';
import { openStream } from '../support/event-stream.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/** Limits of requests at a real server. The tests' connections come from the loopback address, as a trusted proxy's. */

const PROXIED = { PULSECART_TRUSTED_PROXIES: '127.0.0.0/8, ::1' };
/** So slow that nothing comes back within a test. */
const RATES = {
  PULSECART_LIMITS: 'on',
  PULSECART_LIMIT_PURCHASE_ADDRESS: '1/h burst 4',
  PULSECART_LIMIT_PURCHASE_CUSTOMER: '1/h burst 3',
  PULSECART_LIMIT_PURCHASE_PRODUCT: '1/h burst 2',
  PULSECART_LIMIT_CANCEL_PRODUCT: '1/h burst 1',
  PULSECART_LIMIT_READ_ADDRESS: '1/h burst 5',
  PULSECART_LIMIT_STREAM_ADDRESS: '1/h burst 2',
  PULSECART_LIMIT_OPERATOR_ADDRESS: '1/h burst 3',
  // Orders stay as they are, to be cancelled.
  PULSECART_PAYMENTS: 'off',
};

let shop: EmbeddedShop;
let addresses = 0;
beforeAll(async () => {
  shop = await openShop({ ...RATES, ...PROXIED });
});
afterAll(() => shop[Symbol.asyncDispose]());

const from = (forwardedFor: string) => ({ 'X-Forwarded-For': forwardedFor });
/** Nobody has called from there yet. */
const somewhere = () => from(`198.51.100.${++addresses}`);
const ONE = { productId: 1, quantity: 1 };

async function buyTimes(times: number, headers: () => Record<string, string>, body: object = ONE) {
  const statuses: number[] = [];
  for (let i = 0; i < times; i++) statuses.push((await shop.buy('sync', body, headers())).status);
  return statuses;
}

test('an address that buys too often is told how long to wait, on both ways; others buy on', async () => {
  const here = somewhere();
  expect(await buyTimes(4, () => here)).toEqual([200, 200, 200, 200]);
  for (const channel of ['sync', 'async'] as const) {
    const refused = await shop.buy(channel, ONE, here);
    expect([refused.status, refused.headers.get('content-type')]).toEqual([429, 'application/json']);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(3500);
    expect(seconds).toBeLessThanOrEqual(3600);
    expect(refused.json).toEqual({
      message: `Too many purchases from this address; try again in ${seconds} s`,
      code: 'too_many_requests',
      requestId: refused.headers.get('x-request-id'),
    });
    expect(refused.headers.get('ratelimit-policy')).toBe('"purchase-address";q=4;w=14400');
    expect(refused.headers.get('ratelimit')).toBe(`"purchase-address";r=0;t=${seconds}`);
    expect(refused.headers.get('cache-control')).toBe('no-store');
  }
  expect((await shop.buy('sync', ONE, somewhere())).status).toBe(200);
});

test('what a client claims in X-Forwarded-For moves it nowhere', async () => {
  const statuses = await buyTimes(6, () => from(`1.1.1.${++addresses}, 203.0.113.9`));
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
  expect((await shop.buy('sync', ONE, from('203.0.113.10'))).status).toBe(200);
});

test('a /64 of IPv6 is one address', async () => {
  let host = 0;
  const statuses = await buyTimes(5, () => from(`2001:db8:1:2::${++host}`));
  expect(statuses).toEqual([200, 200, 200, 200, 429]);
  expect((await shop.buy('sync', ONE, from('2001:db8:1:3::1'))).status).toBe(200);
});

test('a customer is one from however many addresses, for one product and for all', async () => {
  const buy = (productId: number) =>
    shop.buy('sync', { productId, quantity: 1, userId: 'scalper' }, somewhere());
  expect([(await buy(1)).status, (await buy(1)).status]).toEqual([200, 200]);
  const atProduct = await buy(1);
  expect([atProduct.status, atProduct.headers.get('ratelimit-policy')]).toEqual([
    429,
    '"purchase-product";q=2;w=7200',
  ]);
  const last = await buy(2);
  expect([last.status, last.headers.get('ratelimit')]).toEqual([200, '"purchase-customer";r=0;t=3600']);
  const atAll = await buy(3);
  expect([atAll.status, atAll.headers.get('ratelimit-policy')]).toEqual([
    429,
    '"purchase-customer";q=3;w=10800',
  ]);
});

test('a repeat under a key gets its answer over every limit, and counts for none', async () => {
  for (const channel of ['sync', 'async'] as const) {
    const here = somewhere();
    const body = { productId: 1, quantity: 1, userId: `repeats ${channel}` };
    const keyed = { ...here, 'Idempotency-Key': `key of ${channel}` };
    const first = await shop.buy(channel, body, keyed);
    expect(first.status).toBeLessThan(300);
    for (let i = 0; i < 3; i++) {
      const again = await shop.buy(channel, body, keyed);
      expect([again.status, again.text]).toEqual([first.status, first.text]);
    }
    expect((await shop.buy(channel, body, here)).status).toBeLessThan(300);
    expect((await shop.buy(channel, body, here)).status).toBe(429);
    expect((await shop.buy(channel, body, keyed)).text).toBe(first.text);
  }
});

test('who has bought and cancelled has to wait before buying that again, and may always cancel', async () => {
  const body = { ...ONE, userId: 'undecided' };
  const bought = await shop.buy('sync', body, somewhere());
  const cancel = () =>
    shop.call('POST', `/api/v1/orders/${bought.json.orderId}/cancel`, {
      body: { userId: 'undecided' },
      headers: somewhere(),
    });
  expect([(await cancel()).status, (await cancel()).status]).toEqual([200, 200]);
  const refused = await shop.buy('sync', body, somewhere());
  expect([refused.status, refused.headers.get('ratelimit-policy')]).toEqual([
    429,
    '"cancel-product";q=1;w=3600',
  ]);
  expect(refused.json.message).toStartWith(
    'This customer has bought this product and cancelled too often; try',
  );
  expect((await shop.buy('sync', { ...body, productId: 2 }, somewhere())).status).toBe(200);
});

test('openings of streams have a limit of their own, said as a problem', async () => {
  const here = somewhere();
  for (let i = 0; i < 2; i++) {
    using stream = await openStream(shop.url, 'products=1', here);
    expect(stream.status).toBe(200);
  }
  using refused = await openStream(shop.url, 'products=1', here);
  expect([refused.status, refused.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
  expect(refused.headers.get('ratelimit-policy')).toBe('"stream-address";q=2;w=7200');
  expect((await shop.get('/api/v1/products/1', here)).status).toBe(200);
});

test('reads have theirs; health and metrics have none', async () => {
  const here = somewhere();
  for (let i = 0; i < 5; i++) expect((await shop.get('/api/v1/sync/stock/1', here)).status).toBe(200);
  const onFixedRoute = await shop.get('/api/v1/sync/stock/1', here);
  expect([onFixedRoute.status, Object.keys(onFixedRoute.json)]).toEqual([
    429,
    ['message', 'code', 'requestId'],
  ]);
  const onOurs = await shop.get('/api/v1/products', here);
  expect([onOurs.status, onOurs.headers.get('content-type')]).toEqual([429, 'application/problem+json']);
  expect(onOurs.json).toMatchObject({ title: 'too many requests', status: 429, code: 'too_many_requests' });
  expect(onOurs.headers.get('retry-after')).toMatch(/^3[56]\d\d$/);
  for (const path of [
    '/api/v1/sync/health',
    '/api/v1/async/health',
    '/actuator/health',
    '/actuator/health/readiness',
  ]) {
    for (let i = 0; i < 8; i++) expect([path, (await shop.get(path, here)).status]).toEqual([path, 200]);
  }
  const metrics = await shop.get('/actuator/prometheus', here);
  expect(metrics.text).toMatch(/^pulsecart_limit_refused_total\{limit="read-address"\} [1-9]/m);
  expect(metrics.text).toMatch(/^pulsecart_limit_refused_total\{limit="operator-address"\} \d/m);
});

test("an operator's token lifts the limits of load tools; operators' calls themselves have one", async () => {
  const here = somewhere();
  const operator = { ...here, Authorization: `Bearer ${shop.server.operatorToken}` };
  expect(await buyTimes(6, () => operator)).toEqual([200, 200, 200, 200, 200, 200]);
  expect((await shop.buy('sync', ONE, here)).status).toBe(429);
  expect((await shop.buy('sync', ONE, { ...here, Authorization: 'Bearer of-nobody-at-all' })).status).toBe(
    429,
  );
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) {
    const guess = { ...here, Authorization: `Bearer guess-number-${i}-of-many` };
    statuses.push((await shop.get('/api/v1/ops/log', guess)).status);
  }
  expect(statuses).toEqual([401, 401, 401, 429]);
  // Who guesses locks out no operator behind the same address, who has a limit of their own.
  const right: number[] = [];
  for (let i = 0; i < 4; i++) right.push((await shop.get('/api/v1/ops/log', operator)).status);
  expect(right).toEqual([200, 200, 200, 429]);
});

test('after a restart a repeat still gets its answer, and is given back when that has shown what it is', async () => {
  await using own = await openShop({ ...RATES, ...PROXIED });
  const body = { ...ONE, userId: 'ada' };
  const keyed = { ...somewhere(), 'Idempotency-Key': 'before the restart' };
  const first = await own.buy('sync', body, keyed);
  expect(first.status).toBe(200);
  await own.restart();
  for (let i = 0; i < 4; i++) expect((await own.buy('sync', body, keyed)).text).toBe(first.text);
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await own.buy('sync', body, somewhere())).status);
  expect(statuses).toEqual([200, 200, 429]);
});

test('without trusted proxies a private address has no limit, and customers keep theirs whatever the header says', async () => {
  await using own = await openShop(RATES);
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await own.buy('sync', ONE, from('203.0.113.9'))).status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  const ada = { ...ONE, userId: 'ada' };
  const attempts: number[] = [];
  for (let i = 0; i < 3; i++) attempts.push((await own.buy('sync', ada, from(`203.0.113.${i}`))).status);
  expect(attempts).toEqual([200, 200, 429]);
});

test('a development server limits nothing unless it is told to', async () => {
  const { PULSECART_LIMITS: _, ...rates } = RATES;
  await using own = await openShop({ ...rates, ...PROXIED });
  const here = somewhere();
  for (let i = 0; i < 6; i++) {
    const bought = await own.buy('sync', { ...ONE, userId: 'ada' }, here);
    expect([bought.status, bought.headers.get('ratelimit')]).toEqual([200, null]);
  }
});

test('doctor says that a proxy which is not named would be one buyer', async () => {
  const production = {
    PULSECART_MODE: 'production',
    PULSECART_OPERATOR_TOKEN: 'of-an-operator-here',
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
    PULSECART_DATA: shop.folder,
    PORT: '0',
  };
  const notes = async (env: Record<string, string>) => {
    const { stdout } = await runPulsecart(['doctor', '--json'], { ...production, ...env });
    const { findings } = JSON.parse(stdout) as { findings: { name: string; detail: string }[] };
    return findings.filter(({ name }) => name === 'settings').map(({ detail }) => detail);
  };
  const [without, named, off] = await Promise.all([
    notes({}),
    notes({ PULSECART_TRUSTED_PROXIES: '10.0.0.0/8' }),
    notes({ PULSECART_LIMITS: 'off' }),
  ]);
  expect(without.join()).toContain(
    'PULSECART_LIMITS is on without PULSECART_TRUSTED_PROXIES: behind a proxy',
  );
  expect(named.join()).not.toContain('PULSECART_LIMITS');
  expect(off.join()).toContain('PULSECART_LIMITS is off: requests are not limited');
});
