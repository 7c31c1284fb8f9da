import { expect, test } from 'bun:test';
import { isAppError } from '../../domain/errors.ts';
import { parseRedisUrl, showAddress } from './address.ts';

const plain = { tls: false, username: null, password: null, caFile: null };

test.each([
  ['redis://localhost', { kind: 'single', hosts: [{ host: 'localhost', port: 6379 }], db: 0 }],
  ['redis://127.0.0.1:7000/12', { kind: 'single', hosts: [{ host: '127.0.0.1', port: 7000 }], db: 12 }],
  ['redis://[::1]:7000/', { kind: 'single', hosts: [{ host: '::1', port: 7000 }], db: 0 }],
  [
    'rediss://cache.shop.example',
    { kind: 'single', tls: true, hosts: [{ host: 'cache.shop.example', port: 6379 }] },
  ],
  ['redis://:secret@h', { username: null, password: 'secret' }],
  ['redis://ann:a%40b%2Fc%3A%25@h', { username: 'ann', password: 'a@b/c:%' }],
  ['redis://:a@b@h', { password: 'a@b', hosts: [{ host: 'h', port: 6379 }] }],
  ['rediss://h?ca=/etc/ca%20one.pem', { caFile: '/etc/ca one.pem' }],
  [
    'redis+sentinel://:s@a:26379,b/mymaster',
    {
      kind: 'sentinel',
      hosts: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 26379 },
      ],
      masterName: 'mymaster',
      password: 's',
      sentinelPassword: null,
      db: 0,
    },
  ],
  [
    'rediss+sentinel://a/my%20master/2?sentinelPassword=t%26&ca=/ca.pem',
    { tls: true, masterName: 'my master', db: 2, sentinelPassword: 't&', caFile: '/ca.pem' },
  ],
  [
    'redis+cluster://a:1,[fe80::1]:2',
    {
      kind: 'cluster',
      hosts: [
        { host: 'a', port: 1 },
        { host: 'fe80::1', port: 2 },
      ],
    },
  ],
  ['rediss+cluster://a/', { kind: 'cluster', tls: true }],
])('%s is understood', (url, expected) => {
  expect(parseRedisUrl(url)).toMatchObject({
    ...(url.includes('@') || url.startsWith('rediss') ? {} : plain),
    ...expected,
  } as never);
});

test.each([
  ['', 'must begin with'],
  ['localhost:6379', 'must begin with'],
  ['http://geheim@h', 'must begin with'],
  ['redis:h', 'must begin with'],
  ['redis+other://h', 'must begin with'],
  ['REDIS://h', 'must begin with'],
  ['redis://', 'must name its hosts'],
  ['redis://h:0', 'must name its hosts'],
  ['redis://h:70000', 'must name its hosts'],
  ['redis://h:geheim', 'must name its hosts'],
  ['redis://:geh/eim@h', 'must name its hosts'],
  ['redis+cluster://a,,b', 'must name its hosts'],
  ['redis://geheim@h', 'must have a colon'],
  ['redis://:geheim%@h', 'write % as %25'],
  ['redis://a,b', 'names several hosts'],
  ['redis://h/geheim', 'number of a database'],
  ['redis://h/1/2', 'too many slashes'],
  ['redis+sentinel://a', 'must name the master'],
  ['redis+sentinel://a/', 'must name the master'],
  ['redis+sentinel://a/m/x', 'number of a database'],
  ['redis+cluster://a/1', 'must not name a database'],
  ['redis://h?ca=/x', 'may only have the parameters'],
  ['rediss://h?ca=', 'may only have the parameters'],
  ['redis://h?password=geheim', 'may only have the parameters'],
])('%p is refused with a sentence that shows nothing of it', (url, sentence) => {
  let error: unknown;
  try {
    parseRedisUrl(url);
  } catch (thrown) {
    error = thrown;
  }
  expect(isAppError(error, 'invalid_request')).toBe(true);
  const { message } = error as Error;
  expect(message).toContain(sentence);
  expect(message).not.toMatch(/geh|eim/);
  expect(message).toMatch(/^The URL of Redis .*\.$/);
});

test('an address is shown without its secrets', () => {
  const show = (url: string) => showAddress(parseRedisUrl(url));
  expect(show('redis://u:p@[::1]/1')).toBe('[::1]:6379');
  expect(show('redis+cluster://:p@a,b:1')).toBe('the cluster a:6379,b:1');
  expect(show('redis+sentinel://:p@a/m?sentinelPassword=q')).toBe('m of the sentinels a:26379');
});
