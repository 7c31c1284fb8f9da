import { expect, test } from 'bun:test';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { AUDIENCE, ISSUER, type Issuer, startIssuer } from '../support/issuer.ts';
import { type EmbeddedShop, eventually, openShop } from '../support/shop.ts';

/** A server and the issuer of its tokens: real keys over real HTTP. */

const OPERATOR = 'an-operator-token-for-tests';

function openShopOf({ url }: Issuer): Promise<EmbeddedShop> {
  return openShop({
    PULSECART_AUTH_JWKS_URL: url,
    PULSECART_AUTH_ISSUER: ISSUER,
    PULSECART_AUTH_AUDIENCE: AUDIENCE,
    PULSECART_OPERATOR_TOKEN: OPERATOR,
    PULSECART_PAYMENTS: 'off',
  });
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const buy = (shop: EmbeddedShop, token: string) =>
  shop.buy('sync', { productId: 1, quantity: 1 }, bearer(token));

test('keys that are rotated in the middle of a crowd refuse nobody', async () => {
  await using issuer = await startIssuer();
  await using shop = await openShopOf(issuer);
  const crowd = (name: string) => Array.from({ length: 100 }, (_, i) => issuer.sign({ sub: `${name}-${i}` }));
  const before = await Promise.all(crowd('before'));
  const first = before.slice(0, 50).map((token) => buy(shop, token));
  const seen = await first[0]!;
  await issuer.rotate();
  // Those of the old key who are on their way, and those of the new one, at once.
  const after = await Promise.all(crowd('after'));
  const answers = await Promise.all([
    ...first,
    ...after.map((token) => buy(shop, token)),
    buy(shop, before[0]!),
  ]);
  expect(seen.status).toBe(200);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect(issuer.asked()).toBe(2);
});

test('an issuer that is away stops no start, no session and no token that was seen', async () => {
  await using issuer = await startIssuer();
  issuer.answer(() => new Response('away', { status: 502 }));
  await using shop = await openShopOf(issuer);
  const token = await issuer.sign({ sub: 'ada' });
  const unknown = await buy(shop, token);
  expect([unknown.status, unknown.json.code]).toEqual([503, 'unavailable']);
  expect(unknown.headers.get('retry-after')).toMatch(/^\d+$/);
  const { json } = await shop.call('POST', '/api/v1/session');
  expect((await buy(shop, json.token)).status).toBe(200);
  issuer.answer(null);
  await eventually(async () => (await buy(shop, token)).status === 200);
  await issuer.stop();
  expect((await buy(shop, token)).status).toBe(200);
  expect((await buy(shop, await issuer.sign({ sub: 'grace' }))).status).toBe(200);
  expect(shop.server.log()).toContain(
    "The issuer's keys could not be read, there are none yet: it answered 502",
  );
});

test('the command mints a token that the server of the same settings takes, and none in production', async () => {
  const env = {
    PULSECART_AUTH_SECRET: 'a secret of the shop, for tests alone',
    PULSECART_AUTH_AUDIENCE: 'shop',
  };
  await using shop = await openShop({ ...env, PULSECART_AUTH_CLAIM: 'email' });
  const mint = (more: Record<string, string> = {}) =>
    runPulsecart(['token', '--customer', 'ada'], { ...env, ...more });
  const minted = await mint({ PULSECART_AUTH_CLAIM: 'email' });
  expect(minted.exit).toBe(0);
  expect((await buy(shop, minted.stdout.trim())).status).toBe(200);
  for (const [refused, says] of [
    [await mint({ PULSECART_MODE: 'production' }), /^pulsecart: Production mode: the shop signs/],
    [
      await runPulsecart(['token', '--customer', 'ada']),
      /^pulsecart: There is no key to sign with: set PULSECART_AUTH_SECRET/,
    ],
    [await runPulsecart(['token'], env), /^pulsecart: --customer is missing/],
    [
      await runPulsecart(['token', '--customer', 'guest:1'], env),
      /^pulsecart: --customer must not begin with guest:/,
    ],
  ] as const) {
    expect([refused.exit, refused.stdout]).toEqual([2, '']);
    expect(refused.stderr).toMatch(says);
  }
});

test('doctor says whether the keys of the issuer can be read', async () => {
  await using issuer = await startIssuer();
  const env = {
    PORT: '0',
    PULSECART_AUTH_JWKS_URL: issuer.url,
    PULSECART_AUTH_ISSUER: ISSUER,
    PULSECART_AUTH_AUDIENCE: AUDIENCE,
  };
  using folder = temporaryFolder();
  const buyersOf = async () => {
    const { exit, stdout } = await runPulsecart(['doctor', '--json', '--data', folder.path], env);
    const { findings } = JSON.parse(stdout) as {
      findings: { name: string; state: string; detail: string }[];
    };
    return { exit, ...findings.find(({ name }) => name === 'buyers') };
  };
  expect(await buyersOf()).toMatchObject({
    exit: 0,
    state: 'ok',
    detail: `known by tokens of ${ISSUER}, public keys: 1`,
  });
  issuer.answer(() => new Response('away', { status: 502 }));
  expect(await buyersOf()).toMatchObject({
    exit: 0,
    state: 'note',
    detail: `the keys of ${ISSUER} cannot be read: it answered 502`,
  });
});

test('a server does not start with a key file that is none', async () => {
  using folder = temporaryFolder();
  const ended = await runPulsecart(['serve', '--port', '0', '--data', folder.path], {
    PULSECART_AUTH_KEY_FILE: '/nowhere/key.pem',
    PULSECART_AUTH_ISSUER: ISSUER,
    PULSECART_AUTH_AUDIENCE: AUDIENCE,
  });
  expect([ended.exit, ended.stderr]).toEqual([
    2,
    'pulsecart: PULSECART_AUTH_KEY_FILE /nowhere/key.pem cannot be read: ENOENT.\n',
  ]);
});
