import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { weaknessOf } from './weak-token.ts';

test.each([
  'changeme-changeme',
  'Change-Me-In-Production',
  'CHANGE_ME_1234567890',
  'password12345678',
  'my-P4ss-Passw0rd!',
  'qwertyuiopasdfgh',
  'at-least-sixteen-characters',
  'AT-LEAST-SIXTEEN-CHARACTERS-FROM-OPENSSL-RAND',
  'operators-of-this-machine',
])('%s is a token that documents show', (token) => {
  expect(weaknessOf(token)).toBe('it is one of those that documents show');
});

test.each([
  'aaaaaaaaaaaaaaaa',
  'abcabcabcabcabcabc',
  '0000-0000-0000-0000',
  '!!!!!!!!!!!!!!!!',
  '1212121212121212',
])('%s has too few different characters', (token) => {
  expect(weaknessOf(token)).toBe('it has too few different characters');
});

test.each(['abcdefghijklmnop', '1234567890123456', '9876543210fedcba'])('%s is a row', (token) => {
  expect(weaknessOf(token)).toBe('its characters follow each other');
});

test('a passphrase and random bytes have nothing against them', () => {
  expect(weaknessOf('correct horse battery staple')).toBeNull();
  for (let i = 0; i < 1_000; i++) {
    const bytes = randomBytes(24);
    for (const token of [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('base64url')])
      expect(weaknessOf(token)).toBeNull();
  }
});
