import { afterAll, beforeAll, expect, test } from 'bun:test';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { signWith } from '../support/issuer.ts';
import { scrape } from '../support/scrape.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** Operators with names, roles and tokens of their own, in a file and by an issuer, at a real server. */

const SECRET = 'a secret of the shop, for tests alone';
const ONE_TOKEN = 'an-operator-token-for-tests';
const VERA = { name: 'vera', role: 'viewer', token: 'token-of-vera-for-tests' };
const OTTO = { name: 'Otto Müller', role: 'operator', token: 'token-of-otto-for-tests' };
const ADA = { name: 'ada', role: 'admin', token: 'token-of-ada-for-tests' };
const PAUSE = '/api/v1/products/1/pause';
const RESET = '/api/v1/sync/stock/2/reset?stock=7';
const ME = '/api/v1/ops/me';
/** So slow that nothing comes back within a test. */
const ENV = {
  PULSECART_AUTH_SECRET: SECRET,
  PULSECART_AUTH_OPERATOR_CLAIM: 'resource_access.pulsecart.roles',
  PULSECART_OPERATOR_TOKEN: ONE_TOKEN,
  PULSECART_PAYMENTS: 'off',
  PULSECART_LIMITS: 'on',
  PULSECART_LIMIT_SIGN_IN_ADDRESS: '1/h burst 3',
  PULSECART_TRUSTED_PROXIES: '127.0.0.0/8',
};

const folder = temporaryFolder();
const file = join(folder.path, 'operators.json');
let shop: EmbeddedShop;
let addresses = 0;
beforeAll(async () => {
  write([VERA, OTTO, ADA]);
  shop = await openShop({ ...ENV, PULSECART_OPERATORS_FILE: file });
});
afterAll(async () => {
  await shop[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** As programs that care do it: nobody reads half of it. */
function write(operators: unknown): void {
  writeFileSync(`${file}.new`, typeof operators === 'string' ? operators : JSON.stringify(operators));
  renameSync(`${file}.new`, file);
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const somewhere = () => ({ 'X-Forwarded-For': `198.51.100.${++addresses}` });
const issued = (claims: object, secret = SECRET) => signWith(secret, { sub: 'grace', ...claims });
const roles = (...names: string[]) => ({ resource_access: { pulsecart: { roles: names } } });
const act = (path: string, token: string, headers: Record<string, string> = {}) =>
  shop.call(path === RESET ? 'PUT' : 'POST', path, {
    headers: { ...bearer(token), ...headers },
    ...(path !== RESET && { body: { reason: 'to see it' } }),
  });
const lastEntry = async () =>
  (await shop.get('/api/v1/ops/log?limit=1', bearer(VERA.token))).json.operations[0];

test('a token says who acts, in the log of operations, and what its bearer may do', async () => {
  for (const { name, role, token } of [VERA, OTTO, ADA]) {
    expect((await shop.get(ME, bearer(token))).json).toEqual({ name, role, named: true });
  }
  expect((await act(PAUSE, OTTO.token)).status).toBe(200);
  expect(await lastEntry()).toMatchObject({ actor: OTTO.name, action: 'sale.pause' });
  const refused = await act(RESET, OTTO.token);
  expect([refused.status, refused.json]).toMatchObject([
    403,
    { code: 'forbidden', message: 'This call needs the role admin: the role of Otto Müller is operator' },
  ]);
  expect((await act(RESET, ADA.token)).status).toBe(200);
  expect(await lastEntry()).toMatchObject({ actor: 'ada', action: 'stock.reset' });
  expect((await act(RESET, ONE_TOKEN, { 'X-Operator': 'somebody' })).status).toBe(200);
  expect(await lastEntry()).toMatchObject({ actor: 'somebody' });
});

test('a named operator acts under no other name', async () => {
  const before = await lastEntry();
  for (const other of ['ada', 'OTTO MÜLLER', "UTF-8''otto%20m%C3%BCller"]) {
    const refused = await act(PAUSE, OTTO.token, { 'X-Operator': Buffer.from(other).toString('latin1') });
    expect([other, refused.status, refused.json]).toMatchObject([
      other,
      403,
      { code: 'operator_mismatch', field: 'X-Operator' },
    ]);
  }
  expect(await lastEntry()).toEqual(before);
  expect((await act(PAUSE, OTTO.token, { 'X-Operator': "UTF-8''Otto%20M%C3%BCller" })).status).toBe(200);
});

test('a viewer reads everything, and buys, cancels and changes nothing', async () => {
  const vera = bearer(VERA.token);
  const buyer = bearer(await issued({ sub: 'buyer' }));
  const bought = await shop.buy('sync', { productId: 3, quantity: 1 }, buyer);
  const { orderId } = bought.json;
  expect((await shop.get(`/api/v1/orders/${orderId}`, vera)).json.status).toBe('reserved');
  for (const [path, body] of [
    ['/api/v1/sync/purchase', { productId: 3, quantity: 1, userId: 'x' }],
    ['/api/v1/async/purchase', { productId: 3, quantity: 1, userId: 'x' }],
    [`/api/v1/orders/${orderId}/cancel`, { reason: 'x' }],
    [`/api/v1/orders/${orderId}/refund`, { reason: 'x' }],
  ] as const) {
    const refused = await shop.call('POST', path, { body, headers: vera });
    expect([path, refused.status, refused.json.code]).toEqual([path, 403, 'forbidden']);
  }
  const cancel = { body: { reason: 'x' }, headers: bearer(OTTO.token) };
  expect((await shop.call('POST', `/api/v1/orders/${orderId}/cancel`, cancel)).status).toBe(200);
});

test('a claim of the issuer makes an operator, and a forged one does not', async () => {
  const operator = await issued(roles('staff', 'operator'));
  expect((await shop.get(ME, bearer(operator))).json).toEqual({
    name: 'grace',
    role: 'operator',
    named: true,
  });
  expect((await act(PAUSE, operator)).status).toBe(200);
  expect(await lastEntry()).toMatchObject({ actor: 'grace', action: 'sale.pause' });
  expect((await act(RESET, operator)).status).toBe(403);
  // On buyers' routes, too: a viewer sees what others bought, and buys nothing.
  const buyer = bearer(await issued({ sub: 'buyer' }));
  const { orderId } = (await shop.buy('sync', { productId: 3, quantity: 1 }, buyer)).json;
  const viewer = bearer(await issued({ sub: 'vic', ...roles('viewer') }));
  expect((await shop.get(`/api/v1/orders/${orderId}`, viewer)).status).toBe(200);
  const bought = await shop.buy('sync', { productId: 3, quantity: 1, userId: 'x' }, viewer);
  expect([bought.status, bought.json.code]).toEqual([403, 'forbidden']);
  // A buyer with a token of the shop is known, and no operator.
  for (const claims of [{}, roles('staff'), { roles: ['admin'] }, { role: 'admin' }]) {
    const refused = await shop.get(ME, bearer(await issued(claims)));
    expect([claims, refused.status, refused.json.code]).toEqual([claims, 403, 'forbidden']);
  }
  const past = Math.floor(Date.now() / 1000) - 31;
  const [head, body] = operator.split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
  const admin = Buffer.from(JSON.stringify({ sub: 'grace', exp: past + 9_999, ...roles('admin') }));
  for (const forged of [
    await issued(roles('admin'), `${SECRET}?`),
    await issued({ ...roles('admin'), exp: past }),
    none,
    `${head}.${admin.toString('base64url')}.${operator.split('.')[2]}`,
  ]) {
    const refused = await shop.get(ME, { ...bearer(forged), ...somewhere() });
    expect([forged, refused.status, refused.json.code]).toEqual([forged, 401, 'unauthorized']);
  }
});

test('an address that guesses is slowed down and logged, and right tokens pass from there', async () => {
  const here = somewhere();
  const address = here['X-Forwarded-For'];
  const failures = async () => (await scrape(shop.url)).value('pulsecart_operator_sign_in_failures_total')!;
  const before = await failures();
  const guess = async (i: number, path = ME) => shop.get(path, { ...bearer(`guess-${i}`), ...here });
  for (let i = 0; i < 3; i++) expect((await guess(i)).status).toBe(401);
  const refused = await guess(3);
  expect([refused.status, refused.json.code]).toEqual([429, 'too_many_requests']);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_500);
  expect(refused.headers.get('ratelimit-policy')).toBe('"sign-in-address";q=3;w=10800');
  // Routes of buyers are no other way to guess, and a call without a token is no guess.
  expect((await guess(4, '/api/v1/orders/x')).status).toBe(429);
  expect((await shop.get(ME, here)).status).toBe(401);
  for (const { token } of [VERA, { token: ONE_TOKEN }, { token: await issued(roles('viewer')) }]) {
    expect((await shop.get(ME, { ...bearer(token), ...here })).status).toBe(200);
  }
  expect((await shop.get(ME, { ...bearer('guess'), ...somewhere() })).status).toBe(401);
  expect(await failures()).toBe(before + 6);
  const lines = () =>
    shop.server
      .log()
      .split('\n')
      .filter((line) => line.includes(`"address":"${address}"`));
  // Of all addresses together the log has a few lines a second.
  const times = 5;
  await eventually(async () => {
    for (let i = 0; i < times; i++) await guess(5 + i);
    return lines().length > 0;
  });
  expect(JSON.parse(lines()[0]!)).toMatchObject({ msg: 'calls with a wrong operator token' });
  expect(lines().length).toBeLessThan(times);
  expect(shop.server.log()).not.toContain('guess-');
});

test("an address whose operators' calls are used up by guesses still takes a new token of the issuer", async () => {
  await using own = await openShop({ ...ENV, PULSECART_LIMIT_OPERATOR_ADDRESS: '1/h burst 5' });
  const here = somewhere();
  const ask = async (token: string) => (await own.get(ME, { ...bearer(token), ...here })).status;
  for (let i = 0; i < 5; i++) await ask(`guess-${i}`);
  expect(await ask('guess')).toBe(429);
  const token = await issued({ ...roles('viewer'), sub: 'iris' });
  expect([await ask(token), await ask(token)]).toEqual([200, 200]);
  // Tokens that look like one are checked as often and no more.
  for (let i = 0; i < 5; i++) await ask(`a.${i}.z`);
  expect(await ask(await issued({ ...roles('viewer'), sub: 'iris', nonce: 1 }))).toBe(429);
  expect(await ask(token)).toBe(200);
});

test('a new list counts without a restart, loses no call, and one with mistakes leaves the old one', async () => {
  const old = { ...OTTO, token: undefined, tokenSha256: [sha256(OTTO.token)] };
  const next = 'another-token-of-otto';
  let going = true;
  const statuses = new Map<number, number>();
  let token = OTTO.token;
  const caller = (async () => {
    for (; going; ) {
      const { status } = await shop.get(ME, bearer(token));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })();
  write([old, VERA]);
  await eventually(async () => (await shop.get(ME, bearer(ADA.token))).status === 401);
  write([{ ...old, tokenSha256: [sha256(OTTO.token), sha256(next)] }, VERA]);
  await eventually(async () => (await shop.get(ME, bearer(next))).status === 200);
  token = next;
  write([{ ...old, tokenSha256: sha256(next), role: 'admin' }, VERA]);
  await eventually(async () => (await shop.get(ME, bearer(OTTO.token))).status === 401);
  expect((await shop.get(ME, bearer(next))).json.role).toBe('admin');
  write([{ ...VERA, role: 'root' }]);
  await eventually(() => shop.server.log().includes('The operators of before stay'));
  expect((await shop.get(ME, bearer(next))).status).toBe(200);
  going = false;
  await caller;
  expect([...statuses.keys()]).toEqual([200]);
  expect(statuses.get(200)!).toBeGreaterThan(10);
  write([VERA, OTTO, ADA]);
  await eventually(async () => (await shop.get(ME, bearer(ADA.token))).status === 200);
});

test('production mode starts with the file alone, and no token is the one that is not there', async () => {
  await using production = await openShop({
    PULSECART_MODE: 'production',
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
    PULSECART_OPERATORS_FILE: file,
    HOST: '127.0.0.1',
  });
  expect((await production.get(ME, bearer(ADA.token))).json.role).toBe('admin');
  for (const token of ['null', 'undefined', sha256(ADA.token), `${ADA.token} `.repeat(2)]) {
    expect([token, (await production.get(ME, bearer(token))).status]).toEqual([token, 401]);
  }
  expect((await production.call('PUT', RESET)).status).toBe(401);
  expect((await production.get('/ops', { Accept: 'text/html' })).text).not.toContain(ADA.token);
});

test('a start names every mistake of the file, and no token', async () => {
  write([{ ...VERA, role: 'root' }, OTTO, OTTO, { name: 'system', role: 'admin', token: 'x' }]);
  const { exit, stderr } = await runPulsecart(['serve', '--port', '0', '--data', folder.path], {
    PULSECART_OPERATORS_FILE: file,
  });
  expect(exit).toBe(2);
  for (const why of ['entry 1 (vera) needs a role', 'entry 3 has the name Otto', 'entry 4 needs a name']) {
    expect(stderr).toContain(why);
  }
  expect(stderr).not.toContain(OTTO.token);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  const env = { PULSECART_OPERATORS_FILE: file, PULSECART_DATA: folder.path, PORT: '0' };
  const doctor = async () => JSON.parse((await runPulsecart(['doctor', '--json'], env)).stdout);
  const found = async () =>
    (await doctor()).findings.find((one: { name: string }) => one.name === 'operators');
  expect(await found()).toMatchObject({ state: 'broken', detail: expect.stringContaining('entry 4') });
  write([VERA, OTTO, ADA]);
  expect(await found()).toMatchObject({ state: 'ok', detail: `3 in ${file}` });
});

test('the command makes a token and an entry that the server takes', async () => {
  const made = await runPulsecart(['token', '--operator', 'Jürgen', '--role', 'operator']);
  const [, token, entry] = /^token {2}([0-9a-f]{64})\nentry {2}(\{.*\})\n$/.exec(made.stdout)!;
  expect(JSON.parse(entry!)).toEqual({ name: 'Jürgen', role: 'operator', tokenSha256: sha256(token!) });
  write([JSON.parse(entry!), VERA]);
  await eventually(async () => (await shop.get(ME, bearer(token!))).status === 200);
  // A command's own name gives way to that of the token.
  const listed = await runPulsecart(['dlq', 'list', '--url', shop.url], { PULSECART_OPERATOR_TOKEN: token! });
  expect([listed.exit, listed.stderr]).toEqual([0, '']);
  for (const [argv, says] of [
    [['--operator', 'system'], '--operator takes a name'],
    [['--operator', 'x', '--role', 'root'], '--role'],
    [['--operator', 'x', '--customer', 'y'], 'exclude each other'],
  ] as const) {
    const refused = await runPulsecart(['token', ...argv]);
    expect([argv, refused.exit]).toEqual([argv, 2]);
    expect(refused.stderr).toContain(says);
  }
});

function sha256(text: string): string {
  return new Bun.CryptoHasher('sha256').update(text).digest('hex');
}
