import { expect, test } from 'bun:test';
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';
import { temporaryFolder } from '../../../tests/support/folder.ts';
import { readKeyFile } from './key-file.ts';
import { createTokenVerifier } from './token-verifier.ts';

const NOW_S = 1_795_000_000;
const SECRET = new TextEncoder().encode('x'.repeat(32));
const RULES = { issuer: 'https://issuer.example', audience: 'shop', claim: 'sub', operatorClaim: null };
const GOOD = { iss: RULES.issuer, aud: 'shop', sub: 'ada', exp: NOW_S + 60 };
const clock = () => NOW_S * 1_000;
const verify = createTokenVerifier(SECRET, RULES, clock);

function signed(claims: JWTPayload, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(SECRET);
}

test('a token of the shop makes its customer, until it ends', async () => {
  expect(await verify(await signed(GOOD))).toEqual({
    kind: 'customer',
    customer: 'ada',
    isGuest: false,
    by: 'token',
    expiresAtMs: (NOW_S + 90) * 1_000,
  });
});

test('clocks may differ by thirty seconds, and not by more', async () => {
  const ok = { kind: 'customer' };
  expect(await verify(await signed({ ...GOOD, exp: NOW_S - 29 }))).toMatchObject(ok);
  expect(await verify(await signed({ ...GOOD, exp: NOW_S - 31 }))).toBe('it has expired');
  expect(await verify(await signed({ ...GOOD, nbf: NOW_S + 30 }))).toMatchObject(ok);
  expect(await verify(await signed({ ...GOOD, nbf: NOW_S + 31 }))).toBe('its nbf is not accepted');
});

test.each([
  ['no end', { ...GOOD, exp: undefined }, 'it has no exp'],
  ['another issuer', { ...GOOD, iss: 'https://evil.example' }, 'its iss is not accepted'],
  ['no issuer', { ...GOOD, iss: undefined }, 'it has no iss'],
  ['another audience', { ...GOOD, aud: ['a', 'b'] }, 'its aud is not accepted'],
  ['no customer', { ...GOOD, sub: undefined }, 'it has no sub'],
  ["a guest's name", { ...GOOD, sub: 'guest:1' }, 'its sub begins with guest:, which is for guests'],
])('a token with %s is refused with why', async (_, claims, why) => {
  expect(await verify(await signed(claims as JWTPayload))).toBe(why);
});

test('an audience among others will do, and another claim may name the customer', async () => {
  expect(await verify(await signed({ ...GOOD, aud: ['other', 'shop'] }))).toMatchObject({ customer: 'ada' });
  const byEmail = createTokenVerifier(SECRET, { ...RULES, claim: 'email' }, clock);
  const token = await signed({ ...GOOD, sub: 'x', email: ' ada@example.com ' });
  expect(await byEmail(token)).toMatchObject({ customer: 'ada@example.com' });
});

test('a claim makes an operator of the highest role that it names, and of nothing else', async () => {
  const url = 'https://shop.example/roles';
  for (const [operatorClaim, claims, role] of [
    ['role', { role: 'viewer' }, 'viewer'],
    ['role', { role: ['viewer', 'admin', 'operator', 'staff'] }, 'admin'],
    [
      'resource_access.pulsecart.roles',
      { resource_access: { pulsecart: { roles: ['operator'] } } },
      'operator',
    ],
    [url, { [url]: ['viewer'] }, 'viewer'],
    ['role', { role: 'Admin' }, null],
    ['role', { role: ' admin' }, null],
    ['role', { role: { admin: true } }, null],
    ['role', { role: [['admin']] }, null],
    ['role', { roles: 'admin' }, null],
    ['role.constructor.name', { role: {} }, null],
    ['a.b', { a: null }, null],
  ] as const) {
    const byClaim = createTokenVerifier(SECRET, { ...RULES, operatorClaim }, clock);
    const found = await byClaim(await signed({ ...GOOD, ...claims } as JWTPayload));
    const expected = { kind: 'operator', name: 'ada', role, expiresAtMs: (NOW_S + 90) * 1_000 };
    expect([claims, found]).toMatchObject([claims, role === null ? { customer: 'ada' } : expected]);
  }
  expect(await verify(await signed({ ...GOOD, role: 'admin' }))).toMatchObject({ customer: 'ada' });
  const byRole = createTokenVerifier(SECRET, { ...RULES, operatorClaim: 'role' }, clock);
  expect(await byRole(await signed({ ...GOOD, role: 'admin', sub: 'System' }))).toBe(
    "its sub is the service's own name",
  );
});

test('what is no token, and what is signed by another rule, is refused', async () => {
  const [header, payload, signature] = (await signed(GOOD)).split('.');
  for (const text of [
    'a.b.c',
    `${header}.${payload}.`,
    `${header}..${signature}`,
    '..',
    `e30.${payload}.e30`,
  ]) {
    expect(await verify(text)).toBeString();
  }
  expect(await verify(await signed(GOOD, 'HS512'))).toBe('its alg is not accepted');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
  expect(await verify(none)).toBe('its alg is not accepted');
});

test('a public key is read from PEM, JWK and a set, and never used as a secret', async () => {
  using folder = temporaryFolder();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const jwk = await exportJWK(publicKey);
  const path = join(folder.path, 'key');
  const token = await new SignJWT(GOOD).setProtectedHeader({ alg: 'RS256', kid: 'any' }).sign(privateKey);
  const own = { ...jwk, kid: 'any' };
  for (const text of [pem, JSON.stringify(jwk), JSON.stringify(own), JSON.stringify({ keys: [own] })]) {
    writeFileSync(path, text);
    const ofFile = createTokenVerifier(readKeyFile(path), RULES, clock);
    expect(await ofFile(token)).toMatchObject({ customer: 'ada' });
    // The classic: HS256 with the text of the public key as its secret.
    const body = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${token.split('.')[1]}`;
    const forged = `${body}.${createHmac('sha256', text).update(body).digest('base64url')}`;
    expect(await ofFile(forged)).toBe('its alg is not accepted');
  }
  for (const kind of ['ec', 'ed25519'] as const) {
    const made =
      kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
    writeFileSync(path, createPublicKey(made.privateKey).export({ type: 'spki', format: 'pem' }));
    const alg = kind === 'ec' ? 'ES256' : 'EdDSA';
    const other = await new SignJWT(GOOD).setProtectedHeader({ alg }).sign(made.privateKey);
    expect(await createTokenVerifier(readKeyFile(path), RULES, clock)(other)).toMatchObject({
      customer: 'ada',
    });
    expect(await createTokenVerifier(readKeyFile(path), RULES, clock)(token)).toBe(
      'no key of the issuer fits',
    );
  }
});

test('a key file that is none, or that signs, is refused in one line', () => {
  using folder = temporaryFolder();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const path = join(folder.path, 'key');
  for (const [text, says] of [
    [privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, /private key/],
    [JSON.stringify(privateKey.export({ format: 'jwk' })), /a key that signs/],
    ['{"kty":"oct","k":"AAAA"}', /a key that signs/],
    ['{"keys":[]}', /is no public key/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /is no public key/],
    ['null', /is no public key/],
    ['', /is no public key/],
  ] as const) {
    writeFileSync(path, text);
    expect(() => readKeyFile(path)).toThrow(says);
  }
  expect(() => readKeyFile(join(folder.path, 'none'))).toThrow(/cannot be read: ENOENT/);
});
