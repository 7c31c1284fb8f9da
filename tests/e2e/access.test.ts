import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRole, type Role } from '../../src/domain/operator.ts';
import { createRoutes } from '../../src/http/routes.ts';
import type { Service } from '../../src/http/service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { signWith } from '../support/issuer.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/** Every route of the API, as each kind of caller finds it where buyers are known. A new route has to be added here. */

const SECRET = 'a secret of the shop, for tests alone';
const OPERATOR = 'an-operator-token-for-tests';
/** Operators in a file. */
const NAMED = { viewer: 'token-of-vera-for-tests', operator: 'token-of-otto-for-tests' } as const;
const CALLERS = ['anonymous', 'owner', 'other', 'operator', 'expired', 'forged', 'none', 'audience'] as const;
type Caller = (typeof CALLERS)[number];
/** In the order of the callers. */
type Statuses = readonly [number, number, number, number, number, number, number, number];
/** `everybody`: the same for all of them, and no refusal. A role: 403 for operators of a lower one, 401 for all others. */
type Expected = 'everybody' | Role | Statuses;

const OWNERS: Statuses = [401, 200, 404, 200, 401, 401, 401, 401];
/** A page is read with the session in the cookie, and to others it is not there. */
const PAGE_OF_OWNERS: Statuses = [404, 200, 404, 404, 404, 404, 404, 404];

const TABLE: Readonly<Record<string, Expected>> = {
  buy: [401, 200, 200, 200, 401, 401, 401, 401],
  readStock: 'everybody',
  initStock: 'admin',
  resetStock: 'admin',
  syncHealth: 'everybody',
  accept: [401, 202, 202, 202, 401, 401, 401, 401],
  track: OWNERS,
  queueStatus: 'everybody',
  asyncHealth: 'everybody',
  listOrders: 'viewer',
  exportOrders: 'viewer',
  readOrder: OWNERS,
  // An operator has to give a reason.
  cancelOrder: [401, 200, 404, 400, 401, 401, 401, 401],
  refundOrder: 'operator',
  chargeOrder: 'operator',
  // The server charges orders here, and no payment company tells of them.
  payOrder: [401, 409, 404, 409, 401, 401, 401, 401],
  takePaymentEvent: [404, 404, 404, 404, 404, 404, 404, 404],
  // Without a token it is a guest's; a token that proves nothing does not make one.
  startSession: [200, 200, 200, 400, 401, 401, 401, 401],
  endSession: 'everybody',
  listProducts: 'everybody',
  readProduct: 'everybody',
  createProduct: 'operator',
  changeProduct: 'operator',
  addUnits: 'operator',
  pauseSale: 'operator',
  resumeSale: 'operator',
  drainSale: 'operator',
  removeProduct: 'operator',
  streamStock: OWNERS,
  deadLetterGroups: 'viewer',
  deadLetters: 'viewer',
  replayDeadLetters: 'operator',
  discardDeadLetters: 'admin',
  webhooks: 'viewer',
  deadWebhooks: 'viewer',
  replayWebhooks: 'operator',
  enableWebhooks: 'operator',
  me: 'viewer',
  operations: 'viewer',
  doctor: 'viewer',
  audit: 'operator',
  opsQueues: 'viewer',
  rates: 'viewer',
  history: 'viewer',
  startRush: 'admin',
  rush: 'viewer',
  stopRush: 'operator',
  actuator: 'everybody',
  health: 'everybody',
  healthComponent: 'everybody',
  liveness: 'everybody',
  readiness: 'everybody',
  info: 'everybody',
  metricNames: 'everybody',
  metric: 'everybody',
  prometheus: 'everybody',
  index: 'everybody',
  productPage: 'everybody',
  orderPage: PAGE_OF_OWNERS,
  trackingPage: PAGE_OF_OWNERS,
  ordersPage: 'everybody',
  opsPage: 'everybody',
  asset: 'everybody',
  docs: 'everybody',
  openapi: 'everybody',
};

const ROUTES = createRoutes({} as Service);
const PURCHASES = ['buy', 'accept'];
const PAGES = ['orderPage', 'trackingPage'];

const folder = temporaryFolder();
let shop: EmbeddedShop;
let tokens: Readonly<Record<Caller, string | null>>;
let cookies: Readonly<Record<'owner' | 'other', string>>;
let orderId: string;
let trackingId: string;
let metric: string;

beforeAll(async () => {
  shop = await openShop({
    PULSECART_AUTH_SECRET: SECRET,
    PULSECART_AUTH_AUDIENCE: 'shop',
    PULSECART_OPERATOR_TOKEN: OPERATOR,
    PULSECART_OPERATORS_FILE: writeOperators(),
    // Orders stay as they were bought.
    PULSECART_PAYMENTS: 'off',
  });
  const owner = await sign({ sub: 'ada' });
  const other = await sign({ sub: 'grace' });
  tokens = {
    anonymous: null,
    owner,
    other,
    operator: OPERATOR,
    expired: await sign({ sub: 'ada', exp: Math.floor(Date.now() / 1000) - 31 }),
    forged: await sign({ sub: 'ada' }, `${SECRET}?`),
    none: `${encoded({ alg: 'none' })}.${encoded({ sub: 'ada', aud: 'shop', exp: 9_999_999_999 })}.`,
    audience: await sign({ sub: 'ada', aud: 'another shop' }),
  };
  cookies = { owner: await sessionOf(owner), other: await sessionOf(other) };
  const bought = await shop.buy('sync', { productId: 1, quantity: 1 }, bearer(owner));
  const queued = await shop.buy('async', { productId: 1, quantity: 1 }, bearer(owner));
  orderId = bought.json.orderId;
  trackingId = queued.json.trackingId;
  await shop.get(`/api/v1/async/purchase/${trackingId}?wait=30s`, bearer(owner));
  metric = (await shop.get('/actuator/metrics')).json.names[0];
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

test('every route is in the table, and nothing else is', () => {
  expect(Object.keys(TABLE).toSorted()).toEqual(ROUTES.map(({ id }) => id).toSorted());
  const declared = ROUTES.filter(({ access }) => access && !access.orOthers);
  const expected = Object.entries(TABLE).filter(([, one]) => isRole(one));
  expect(Object.fromEntries(declared.map(({ id, access }) => [id, access!.role]))).toEqual(
    Object.fromEntries(expected) as Record<string, Role>,
  );
});

test.each(ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const))(
  '%s answers each caller as the table says',
  async (_, { id, method, path }) => {
    const expected = TABLE[id]!;
    const answered: number[] = [];
    // The owner last: it cancels the order.
    for (const caller of CALLERS.toSorted((a, b) => Number(a === 'owner') - Number(b === 'owner'))) {
      answered[CALLERS.indexOf(caller)] = await ask(id, method, targetOf(path), caller);
    }
    if (expected === 'everybody') {
      expect(answered).toEqual(CALLERS.map(() => answered[0]!));
      expect(answered[0]).toBeLessThan(400);
    } else if (isRole(expected)) {
      const operator = CALLERS.indexOf('operator');
      expect(answered[operator]).not.toBeOneOf([401, 403]);
      expect(answered.toSpliced(operator, 1)).toEqual(answered.toSpliced(operator, 1).map(() => 401));
      for (const role of ['viewer', 'operator'] as const) {
        const found = await askAs(NAMED[role], method, targetOf(path));
        if (expected === 'viewer' || expected === role)
          expect([role, found.status < 401 || found.status > 403]).toEqual([role, true]);
        else expect([role, found.status, found.code]).toEqual([role, 403, 'forbidden']);
      }
    } else expect(answered).toEqual([...expected]);
  },
);

test('a body names its own customer or none', async () => {
  for (const [userId, status] of [
    [undefined, 200],
    [null, 200],
    [' ada ', 200],
    ['grace', 403],
    ['', 400],
  ] as const) {
    const body = { productId: 2, quantity: 1, userId };
    const { text, ...answer } = await shop.buy('sync', body, bearer(tokens.owner!));
    expect([userId, answer.status]).toEqual([userId, status]);
    if (status === 403)
      expect(JSON.parse(text)).toMatchObject({ code: 'customer_mismatch', field: 'userId' });
  }
  const cancel = { body: { userId: 'grace' }, headers: bearer(tokens.owner!) };
  expect((await shop.call('POST', `/api/v1/orders/${orderId}/cancel`, cancel)).status).toBe(403);
  const rows = (await shop.get('/api/v1/orders?product=2&customer=ada', bearer(OPERATOR))).json.orders;
  expect(rows).toHaveLength(3);
});

test('a refused purchase is read by its own buyer alone', async () => {
  const refused = await shop.buy('async', { productId: 3, quantity: 9_999 }, bearer(tokens.owner!));
  const reset = await shop.call('PUT', '/api/v1/sync/stock/4/reset?stock=1', { headers: bearer(OPERATOR) });
  expect(reset.status).toBe(200);
  expect((await shop.buy('sync', { productId: 4, quantity: 1 }, bearer(tokens.other!))).status).toBe(200);
  const soldOut = await shop.buy('async', { productId: 4, quantity: 1 }, bearer(tokens.owner!));
  for (const id of [refused.json.trackingId, soldOut.json.trackingId]) {
    const path = `/api/v1/async/purchase/${id}?wait=30s`;
    expect((await shop.get(path, bearer(tokens.owner!))).json).toMatchObject({ status: 'rejected' });
    expect((await shop.get(path, bearer(tokens.other!))).status).toBe(404);
    expect((await shop.get(path, bearer(OPERATOR))).status).toBe(200);
  }
});

test('a queued purchase is read, and followed, by its own buyer alone', async () => {
  await using slow = await openShop({ PULSECART_AUTH_SECRET: SECRET, PULSECART_WORKER: 'off' });
  const { json } = await slow.buy('async', { productId: 1, quantity: 1 }, bearer(tokens.owner!));
  const { trackingId } = json;
  const other = bearer(tokens.other!);
  for (const path of [`/api/v1/async/purchase/${trackingId}`, `/api/v1/orders/${trackingId}`]) {
    expect((await slow.get(path, bearer(tokens.owner!))).json.status).toBeOneOf(['queued', 'pending']);
    expect([path, (await slow.get(path, other)).status]).toEqual([path, 404]);
  }
  // Who is not answered has nothing to wait for.
  expect((await slow.get(`/api/v1/async/purchase/${trackingId}?wait=30s`, other)).status).toBe(404);
  const stream = `/api/v1/stock/stream?products=1&order=${trackingId}`;
  expect((await slow.get(stream, other)).status).toBe(404);
  expect((await slow.call('POST', `/api/v1/orders/${trackingId}/cancel`, { headers: other })).status).toBe(
    404,
  );
  // Neither sessions nor marks are kept in a process.
  const session = await slow.call('POST', '/api/v1/session', { headers: bearer(tokens.owner!) });
  await slow.restart();
  const path = `/api/v1/async/purchase/${trackingId}`;
  expect((await slow.get(path, bearer(session.json.token))).json.status).toBe('queued');
  expect((await slow.get(path, other)).status).toBe(404);
});

test('a session counts as the token that it was given for, in a header and in a cookie', async () => {
  for (const headers of [bearer(cookies.owner), cookie(cookies.owner)]) {
    expect((await shop.get(`/api/v1/orders/${orderId}`, headers)).status).toBe(200);
    expect((await shop.get(`/api/v1/async/purchase/${trackingId}`, headers)).status).toBe(200);
  }
  for (const headers of [bearer(cookies.other), cookie(cookies.other), cookie(`${cookies.owner}x`)]) {
    expect((await shop.get(`/api/v1/orders/${orderId}`, headers)).status).toBeOneOf([404, 401]);
  }
});

test('a cookie buys from pages of this server alone', async () => {
  const own = new URL(shop.url).host;
  for (const [from, status] of [
    [{ 'Sec-Fetch-Site': 'same-origin' }, 200],
    [{ Origin: `http://${own}` }, 200],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403],
    [{ 'Sec-Fetch-Site': 'same-site', Origin: `http://${own}` }, 403],
    [{ Origin: 'https://evil.example' }, 403],
    [{ Origin: 'null' }, 403],
    [{}, 403],
  ] as const) {
    const headers = { ...cookie(cookies.owner), ...from };
    const answer = await shop.buy('sync', { productId: 5, quantity: 1 }, headers);
    expect([from, answer.status]).toEqual([from, status]);
  }
});

test('a guest is given once, stays who it is, and owns what it buys', async () => {
  const first = await shop.call('POST', '/api/v1/session');
  expect(first.json).toMatchObject({ guest: true, customer: expect.stringMatching(/^guest:[\w-]{22}$/) });
  expect(first.headers.get('set-cookie')).toMatch(
    /^pulsecart_session=\S+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=25920\d\d$/,
  );
  const again = await shop.call('POST', '/api/v1/session', { headers: cookie(first.json.token) });
  expect(again.json.customer).toBe(first.json.customer);
  const other = await shop.call('POST', '/api/v1/session');
  expect(other.json.customer).not.toBe(first.json.customer);
  const { json } = await shop.buy('sync', { productId: 5, quantity: 1 }, bearer(first.json.token));
  const path = `/api/v1/orders/${json.orderId}`;
  expect((await shop.get(path, bearer(again.json.token))).status).toBe(200);
  expect((await shop.get(path, bearer(other.json.token))).status).toBe(404);
});

test('without guests a session is for who signed in at the shop', async () => {
  await using shop = await openShop({ PULSECART_AUTH_SECRET: SECRET, PULSECART_AUTH_GUESTS: 'off' });
  const refused = await shop.call('POST', '/api/v1/session');
  expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null]);
  const token = await sign({ sub: 'ada' });
  expect((await shop.call('POST', '/api/v1/session', { headers: bearer(token) })).status).toBe(200);
});

test('an anonymous order is seen by all who have its id, where it is allowed at all', async () => {
  await using shop = await openShop({ PULSECART_AUTH_SECRET: SECRET, PULSECART_AUTH_ANONYMOUS: 'allow' });
  const ada = bearer(await sign({ sub: 'ada' }));
  const nobodys = await shop.buy('sync', { productId: 1, quantity: 1 });
  const adas = await shop.buy('sync', { productId: 1, quantity: 1 }, ada);
  expect([nobodys.status, adas.status]).toEqual([200, 200]);
  expect((await shop.buy('sync', { productId: 1, quantity: 1, userId: 'ada' })).status).toBe(403);
  // A token that proves nothing is no anonymous caller.
  expect((await shop.buy('sync', { productId: 1, quantity: 1 }, bearer('a.b.c'))).status).toBe(401);
  for (const headers of [{}, ada]) {
    expect((await shop.get(`/api/v1/orders/${nobodys.json.orderId}`, headers)).status).toBe(200);
  }
  expect((await shop.get(`/api/v1/orders/${adas.json.orderId}`)).status).toBe(404);
  const queued = await shop.buy('async', { productId: 1, quantity: 1 });
  expect((await shop.get(`/api/v1/async/purchase/${queued.json.trackingId}?wait=30s`)).json.status).toBe(
    'confirmed',
  );
});

test('a session over HTTPS is never sent without, and no other site starts one', async () => {
  const host = 'shop.example';
  const headers = { Host: host, Origin: `https://${host}` };
  const started = await shop.call('POST', '/api/v1/session', { headers });
  expect(started.headers.get('set-cookie')).toEndWith('; Secure');
  for (const from of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://evil.example' }]) {
    const refused = await shop.call('POST', '/api/v1/session', { headers: from });
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([403, null]);
  }
});

test('a session that a token was exchanged for is not made longer by itself', async () => {
  const first = await shop.call('POST', '/api/v1/session', { headers: bearer(tokens.owner!) });
  const again = await shop.call('POST', '/api/v1/session', { headers: bearer(first.json.token) });
  expect(again.json.expiresAt).toBe(first.json.expiresAt);
});

test('a customer that only a guest may be is no customer of a token', async () => {
  for (const sub of ['guest:ada', '', 'x'.repeat(65), { name: 'ada' }, null]) {
    const answer = await shop.get(`/api/v1/orders/${orderId}`, bearer(await sign({ sub } as never)));
    expect([sub, answer.status]).toEqual([sub, 401]);
  }
  const { status } = await shop.get(`/api/v1/orders/${orderId}`, bearer(await sign({ sub: 12345 } as never)));
  expect(status).toBe(404);
});

test('a long token is refused', async () => {
  for (const [chars, statuses] of [
    [9_000, [401]],
    // Bun takes no head of this size.
    [16_384, [401, 431]],
    [200_000, [431]],
  ] as const) {
    const token = await sign({ sub: 'ada', long: 'x'.repeat(chars) } as never);
    expect((await shop.get(`/api/v1/orders/${orderId}`, bearer(token))).status).toBeOneOf([...statuses]);
  }
});

async function ask(id: string, method: string, path: string, caller: Caller): Promise<number> {
  const token = tokens[caller];
  const isPage = PAGES.includes(id);
  const session = caller === 'owner' || caller === 'other' ? cookies[caller] : token;
  const response = await fetch(shop.url + path, {
    method,
    headers: {
      ...(token !== null && (isPage ? cookie(session!) : bearer(token))),
      ...(isPage && { Accept: 'text/html' }),
      ...(PURCHASES.includes(id) && { 'Content-Type': 'application/json' }),
    },
    ...(PURCHASES.includes(id) && { body: JSON.stringify({ productId: 1, quantity: 1 }) }),
    redirect: 'manual',
  });
  // A stream never ends by itself.
  await response.body?.cancel();
  return response.status;
}

function targetOf(path: string): string {
  if (path === '/api/v1/stock/stream') return `${path}?products=1&order=${orderId},${trackingId}`;
  const values: Record<string, string> = { productId: '1', orderId, trackingId, name: NAMES[path] ?? metric };
  const target = path.replace(/:(\w+)/g, (_, name) => values[name]!);
  return path.endsWith('/reset') ? `${target}?stock=1000` : target;
}

const NAMES: Readonly<Record<string, string>> = {
  '/actuator/health/:name': 'db',
  '/assets/:name': 'style.css',
};

async function askAs(token: string, method: string, path: string) {
  const response = await fetch(shop.url + path, { method, headers: bearer(token) });
  if (response.status >= 400)
    return { status: response.status, code: JSON.parse(await response.text()).code };
  await response.body?.cancel();
  return { status: response.status, code: null };
}

function writeOperators(): string {
  const path = join(folder.path, 'operators.json');
  const entries = Object.entries(NAMED).map(([role, token]) => ({ name: role, role, token }));
  writeFileSync(path, JSON.stringify(entries));
  return path;
}

function sign(claims: object, secret = SECRET): Promise<string> {
  return signWith(secret, { aud: 'shop', ...claims });
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

async function sessionOf(token: string): Promise<string> {
  return (await shop.call('POST', '/api/v1/session', { headers: bearer(token) })).json.token;
}

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

function cookie(session: string): Record<string, string> {
  return { Cookie: `other=1; pulsecart_session=${session}; last=2` };
}
