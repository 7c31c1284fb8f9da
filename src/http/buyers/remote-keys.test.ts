import { expect, test } from 'bun:test';
import { decodeProtectedHeader } from 'jose';
import { type Issuer, startIssuer } from '../../../tests/support/issuer.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { until } from '../../../tests/support/until.ts';
import { createRemoteKeys } from './remote-keys.ts';

/** The keys of a real issuer over HTTP, with a clock that is set by hand. */

const MINUTE_MS = 60_000;

function open(issuer: Issuer) {
  let nowMs = 0;
  const trouble: string[] = [];
  const { keyFor } = createRemoteKeys(issuer.url, {
    monotonicMs: () => nowMs,
    log: keptLog(trouble),
  });
  return {
    trouble,
    pass(ms: number) {
      nowMs += ms;
    },
    async found(token: string): Promise<'key' | string> {
      const input = { protected: token.split('.')[0]!, payload: token.split('.')[1]!, signature: '' };
      const header = decodeProtectedHeader(token) as { alg: string };
      return Promise.resolve(keyFor(header, input)).then(
        () => 'key',
        (error) => error.code,
      );
    },
  };
}

test('keys are fetched once for many tokens, and again after ten minutes, while the old ones serve', async () => {
  await using issuer = await startIssuer();
  const keys = open(issuer);
  const token = await issuer.sign({ sub: 'ada' });
  expect(await Promise.all([1, 2, 3].map(() => keys.found(token)))).toEqual(['key', 'key', 'key']);
  expect(issuer.asked()).toBe(1);
  keys.pass(10 * MINUTE_MS - 1);
  await keys.found(token);
  expect(issuer.asked()).toBe(1);
  keys.pass(1);
  const hanging = Promise.withResolvers<Response>();
  issuer.answer(() => hanging.promise);
  expect(await keys.found(token)).toBe('key');
  await until(() => issuer.asked() === 2);
  hanging.resolve(new Response());
});

test('a key that is new at the issuer is fetched at once, and forged ones cost a request in thirty seconds', async () => {
  await using issuer = await startIssuer();
  const keys = open(issuer);
  expect(await keys.found(await issuer.sign({ sub: 'ada' }))).toBe('key');
  await issuer.rotate();
  expect(await keys.found(await issuer.sign({ sub: 'ada' }))).toBe('key');
  expect(issuer.asked()).toBe(2);
  for (let i = 0; i < 20; i++) {
    const forged = await issuer.sign({ sub: 'ada' }, { kid: `none-${i}` });
    expect(await keys.found(forged)).toBe('ERR_JWKS_NO_MATCHING_KEY');
  }
  expect(issuer.asked()).toBe(2);
  keys.pass(30_000);
  expect(await keys.found(await issuer.sign({ sub: 'ada' }, { kid: 'none' }))).toBe(
    'ERR_JWKS_NO_MATCHING_KEY',
  );
  expect(issuer.asked()).toBe(3);
});

const REFUSED: readonly (readonly [string, () => Response, RegExp])[] = [
  ['an error', () => new Response('away', { status: 503 }), /it answered 503/],
  ['garbage', () => new Response('<html>'), /no JSON/],
  ['JSON of something else', () => Response.json({ error: 'x' }), /no "keys"/],
  ['null', () => Response.json(null), /no "keys"/],
  ['no key', () => Response.json({ keys: [] }), /no public key/],
  ['no objects', () => Response.json({ keys: [null, 1] }), /malformed/],
  ['a shared secret', () => Response.json({ keys: [{ kty: 'oct', k: 'AAAA' }] }), /no public key/],
  ['10 MB', () => new Response('x'.repeat(10_000_000)), /larger than 262144 bytes/],
  ['a redirect', () => Response.redirect('http://127.0.0.1:1/'), /./],
];

test.each(REFUSED)('%s in place of keys changes nothing for known keys', async (_, answer, says) => {
  await using issuer = await startIssuer();
  const keys = open(issuer);
  const token = await issuer.sign({ sub: 'ada' });
  expect(await keys.found(token)).toBe('key');
  issuer.answer(answer);
  keys.pass(24 * 60 * MINUTE_MS);
  expect(await keys.found(token)).toBe('key');
  await until(() => keys.trouble.length === 1);
  expect(keys.trouble[0]).toMatch(says);
  expect(keys.trouble[0]).toMatch(/the last ones stay/);
  // A key that is new there cannot be known, which is no fault of the token.
  keys.pass(MINUTE_MS);
  await issuer.rotate();
  const newer = await issuer.sign({ sub: 'ada' });
  expect(await keys.found(newer)).toBe('unavailable');
  issuer.answer(null);
  keys.pass(MINUTE_MS);
  expect(await keys.found(newer)).toBe('key');
});

test('an issuer that is away at first is asked again after two seconds', async () => {
  await using issuer = await startIssuer();
  const keys = open(issuer);
  const token = await issuer.sign({ sub: 'ada' });
  issuer.answer(() => new Response('away', { status: 502 }));
  expect(await keys.found(token)).toBe('unavailable');
  expect(await keys.found(token)).toBe('unavailable');
  expect(issuer.asked()).toBe(1);
  issuer.answer(null);
  keys.pass(2_000);
  expect(await keys.found(token)).toBe('key');
});
