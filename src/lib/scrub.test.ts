import { expect, test } from 'bun:test';
import { createScrub, secretsIn } from './scrub.ts';

const scrub = createScrub();

test.each([
  ['cannot reach postgres://shop:p%40ss@db:5432/shop', 'cannot reach postgres://shop:***@db:5432/shop'],
  ['redis+sentinel://:a/b@one:1,two:2/main is away', 'redis+sentinel://:***@one:1,two:2/main is away'],
  ['{"url":"amqp://u:p@q/v","a":"b@c"}', '{"url":"amqp://u:***@q/v","a":"b@c"}'],
  ['GET /x?api_token=abc&y=1', 'GET /x?api_token=***&y=1'],
  ['?sslpassword=abc"', '?sslpassword=***"'],
  ['Authorization: Bearer 0123456789abcdef0123', 'Authorization: Bearer ***'],
  ['authorization: basic dXNlcjpwYXNzd29yZA==', 'authorization: basic ***'],
  ['No such key: sk_live_51Habcdef', 'No such key: sk_live_***'],
  ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_***'],
  ['pi_3Mabc_secret_xyz', 'pi_3Mabc_secret_***'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl', '***'],
])('%s', (text, clean) => {
  expect(scrub(text)).toBe(clean);
});

test.each([
  'connect ECONNREFUSED 127.0.0.1:5432',
  'http://127.0.0.1:8080/ops and jane@example.org',
  'Bearer token of operators is missing; basic authentication is not known',
  '{"level":30,"time":"2026-11-29T05:00:00.000Z","pid":1764393600000}',
  'new row violates check constraint "products_units"',
])('%s is left as it is', (text) => {
  expect(scrub(text)).toBe(text);
});

test('what the settings have in them is masked wherever it comes, also as JSON writes it', () => {
  const secrets = secretsIn({
    operatorToken: 'the "operators" of it',
    urls: { databaseUrl: 'postgres://shop:long%2Fenough%20pass@db/shop', redisUrl: 'redis://cache' },
  });
  const masked = createScrub(secrets);
  expect(masked('sent long%2Fenough%20pass, meant long/enough pass')).toBe('sent ***, meant ***');
  expect(masked(JSON.stringify({ reason: 'no: the "operators" of it' }))).toBe('{"reason":"no: ***"}');
  // A short one is a word like any other, and in no message of its own.
  expect(createScrub(secretsIn({ urls: { a: 'amqp://guest:guest@q' } }))('guest list')).toBe('guest list');
});

test('a long text costs its length, and not the square of it', () => {
  for (const part of ['a', '://', 'a://b:', '?token', 'Bearer ', 'eyJ', 'sk_live_', '&x=']) {
    const startedAtMs = performance.now();
    scrub(part.repeat(Math.ceil(200_000 / part.length)));
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  }
});

test('what may be the number of a card is masked, and numbers of ours are not', () => {
  const scrub = createScrub();
  for (const card of ['4242424242424242', '4242 4242 4242 4242', '5555-5555-5555-4444', '378282246310005'])
    for (const around of ['', '"', ' ', '_'])
      expect(scrub(`a ${around}${card}${around} b`)).toBe(`a ${around}***${around} b`);
  for (const ours of [
    '{"productId":4242424242424242}',
    'product 4242424242424242',
    '4242424242424241',
    '01a2040e-4242-4242-4242-424242424242',
    '2026-11-22T16:20:14.796Z',
    '1764412345678',
  ])
    expect(scrub(ours)).toBe(ours);
});
