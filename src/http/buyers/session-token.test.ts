import { expect, test } from 'bun:test';
import { createSessionTokens, SESSION_KEY_BYTES } from './session-token.ts';

const NOW = 1_795_000_000_000;
let nowMs = NOW;
const key = new Uint8Array(SESSION_KEY_BYTES).fill(7);
const tokens = createSessionTokens(key, () => nowMs);

test.each(['ada', 'guest:x', 'guest:Å', 'guest:', '12345', 'c', 'auth0|5f~7', 'Ångström ☃ ~;"'])(
  '%j is who it was, until the session ends',
  (customer) => {
    const token = tokens.write({ customer, expiresAtMs: NOW + 1_000 });
    expect(token).toMatch(/^[\w.~-]+$/);
    const isGuest = customer.startsWith('guest:');
    const session = { kind: 'customer', customer, isGuest, by: 'session', expiresAtMs: NOW + 1_000 } as const;
    nowMs = NOW + 999;
    expect(tokens.read(token)).toEqual(session);
    nowMs = NOW + 1_000;
    expect(tokens.read(token)).toBeNull();
    nowMs = NOW;
  },
);

test('a session of which anything was changed is none', () => {
  const token = tokens.write({ customer: 'ada', expiresAtMs: NOW + 1_000 });
  for (let i = 0; i < token.length; i++) {
    const changed = `${token.slice(0, i)}${token[i] === 'A' ? 'B' : 'A'}${token.slice(i + 1)}`;
    expect([changed, tokens.read(changed)]).toEqual([changed, null]);
  }
  const strangers = createSessionTokens(new Uint8Array(SESSION_KEY_BYTES), () => nowMs);
  expect(strangers.read(token)).toBeNull();
  for (const text of [
    '',
    'v1~',
    'v1~~~',
    token.slice(1),
    `${token}A`,
    'v1~'.padEnd(600, 'A'),
    '~'.repeat(60),
  ])
    expect(tokens.read(text)).toBeNull();
});
