import { expect, test } from 'bun:test';
import { createTrustedProxies } from '../client-address.ts';
import { createAddressKey, isPrivate, keyOf } from './address-key.ts';

const proxies = createTrustedProxies(['10.0.0.0/8', '203.0.113.200/32']);

function keyFrom(peer: string | null, forwardedFor?: string, trusted = proxies): string | null {
  const headers = forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor };
  const req = new Request('http://shop.example/', { headers });
  const requestIP = () => (peer === null ? null : { address: peer, port: 4711, family: 'IPv4' as const });
  return createAddressKey(trusted)(req, { requestIP });
}

test('who calls directly is limited by that address, whatever X-Forwarded-For says', () => {
  for (const claim of [undefined, '1.1.1.1', '2.2.2.2', '10.0.0.1']) {
    expect([claim, keyFrom('198.51.100.7', claim)]).toEqual([claim, '198.51.100.7']);
  }
});

test('behind a trusted proxy each client is limited by its own address, a private one, too', () => {
  expect(keyFrom('10.0.0.1', '198.51.100.8')).toBe('198.51.100.8');
  expect(keyFrom('10.0.0.1', '9.9.9.9, 198.51.100.8, 203.0.113.200')).toBe('198.51.100.8');
  expect(keyFrom('10.0.0.1', '192.168.1.5')).toBe('192.168.1.5');
});

test('no limit is put on a proxy: on one that named nobody, nor on a private address that nobody vouches for', () => {
  expect(keyFrom('10.0.0.1')).toBeNull();
  expect(keyFrom('10.0.0.1', 'unknown')).toBeNull();
  for (const peer of ['127.0.0.1', '::1', '192.168.1.5', '172.31.0.1', '100.64.0.1', 'fd00::1', 'fe80::1']) {
    expect([peer, keyFrom(peer)]).toEqual([peer, null]);
    expect([peer, keyFrom(peer, '198.51.100.8')]).toEqual([peer, null]);
  }
  expect(keyFrom(null)).toBeNull();
});

test('all addresses of a /64 of IPv6 are one, however they are written, and another /64 is another', () => {
  const same = [
    '2001:db8:0:7::1',
    '2001:db8:0:7:ffff:ffff:ffff:ffff',
    '2001:db8::7:0:0:0:9',
    '2001:0db8:0000:0007::',
  ];
  expect(new Set(same.map(keyOf))).toEqual(new Set(['2001:db8:0:7']));
  expect(keyOf('2001:db8:0:8::1')).toBe('2001:db8:0:8');
  expect(keyOf('2001:db8::1')).toBe('2001:db8:0:0');
  expect(keyOf('2a00::')).toBe('2a00:0:0:0');
});

test('private networks end where they end', () => {
  const outside = [
    '11.0.0.0',
    '172.32.0.0',
    '172.15.255.255',
    '192.169.0.0',
    '100.128.0.0',
    '2001:db8::1',
    'shop',
  ];
  expect(outside.filter(isPrivate)).toEqual([]);
});
