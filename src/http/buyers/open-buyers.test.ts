import { expect, test } from 'bun:test';
import { createTrustedProxies } from '../client-address.ts';
import { problem } from '../respond.ts';
import type { Caller, Customer } from './buyers.ts';
import { openBuyers } from './open-buyers.ts';
import { SESSION_KEY_BYTES } from './session-token.ts';
import { createVerifiedTokens } from './verified-tokens.ts';

/** How often a signature is checked, and how many at once. */

const MINUTE_MS = 60_000;
/** As many as may be checked at once. */
const AT_ONCE = 1_000;
const server = { requestIP: () => null } as unknown as Bun.Server<unknown>;

function open(verify: (token: string) => Promise<Customer | string>, clock: () => number) {
  return openBuyers({
    tokens: createVerifiedTokens(verify, clock),
    sessionKey: new Uint8Array(SESSION_KEY_BYTES),
    sessionMs: MINUTE_MS,
    allowsAnonymous: false,
    allowsGuests: true,
    ids: { read: () => null, isMarkedFor: () => false },
    trust: {
      operators: { token: 'a-token-of-enough-characters', trustsThisMachine: false },
      trustedProxies: createTrustedProxies([]),
    },
    clock,
  });
}

const asked = (token: string) =>
  new Request('http://shop.example/', { headers: { Authorization: `Bearer ${token}` } });
const customer = (expiresAtMs: number): Customer => ({
  kind: 'customer',
  customer: 'ada',
  isGuest: false,
  by: 'token',
  expiresAtMs,
});

test('a token is checked once until it ends, and every ten minutes', async () => {
  let nowMs = 0;
  let checked = 0;
  const buyers = open(
    async (token) => {
      checked++;
      return token === 'a.long.one' ? customer(60 * MINUTE_MS) : customer(5 * MINUTE_MS);
    },
    () => nowMs,
  );
  const identify = async (token: string) => (await buyers.identify(asked(token), server, problem)) as Caller;
  for (const [token, atMs, times] of [
    ['a.short.one', 0, 1],
    ['a.short.one', 5 * MINUTE_MS - 1, 1],
    ['a.short.one', 5 * MINUTE_MS, 2],
    ['a.long.one', 0, 3],
    ['a.long.one', 10 * MINUTE_MS - 1, 3],
    ['a.long.one', 10 * MINUTE_MS, 4],
  ] as const) {
    nowMs = atMs;
    expect((await identify(token)).kind).toBe('customer');
    expect([token, atMs, checked]).toEqual([token, atMs, times]);
  }
});

test('what proved nothing is not remembered', async () => {
  let checked = 0;
  const buyers = open(
    async () => {
      checked++;
      return 'it has expired';
    },
    () => 0,
  );
  for (let i = 0; i < 2; i++) {
    const refused = (await buyers.identify(asked('a.b.c'), server, problem)) as Response;
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    expect((await refused.json()).message).toEndWith('it has expired');
  }
  expect(checked).toBe(2);
});

test('a flood of new tokens is refused beyond a bound, and sessions are not', async () => {
  const pending = Promise.withResolvers<Customer>();
  const buyers = open(
    () => pending.promise,
    () => 0,
  );
  const first = Array.from({ length: AT_ONCE }, (_, i) =>
    buyers.identify(asked(`a.${i}.c`), server, problem),
  );
  const refused = (await buyers.identify(asked('a.more.c'), server, problem)) as Response;
  expect([refused.status, (await refused.json()).code]).toEqual([503, 'overloaded']);
  const { token } = buyers.sessions!.start(null)!;
  expect(await buyers.identify(asked(token), server, problem)).toMatchObject({
    kind: 'customer',
    isGuest: true,
  });
  pending.resolve(customer(MINUTE_MS));
  expect((await Promise.all(first)).map((caller) => (caller as Caller).kind)).toEqual(
    first.map(() => 'customer'),
  );
  expect(await buyers.identify(asked('a.more.c'), server, problem)).toMatchObject({ customer: 'ada' });
});

test('a token that is neither a JWT nor an operator’s is refused in words for buyers', async () => {
  const buyers = open(
    async () => 'unused',
    () => 0,
  );
  const refused = (await buyers.identify(asked('opaque'), server, problem)) as Response;
  expect(refused.status).toBe(401);
  expect((await refused.json()).message).toContain('the token is none of the shop');
  const operator = await buyers.identify(asked('a-token-of-enough-characters'), server, problem);
  expect(operator).toEqual({ kind: 'operator' });
});
