import { expect, test } from 'bun:test';
import { clientAddressOf, createTrustedProxies } from './client-address.ts';

const proxies = createTrustedProxies(['10.0.0.0/8', 'fd00::/8', '192.0.2.7/32']);

function from(peer: string | null, forwardedFor?: string, trusted = proxies) {
  const headers = { 'X-Real-IP': '9.9.9.9', Forwarded: 'for=9.9.9.9' };
  const req = new Request('http://shop.example/', {
    headers: forwardedFor === undefined ? headers : { ...headers, 'X-Forwarded-For': forwardedFor },
  });
  const requestIP = () => (peer === null ? null : { address: peer, port: 4711, family: 'IPv4' as const });
  return clientAddressOf(req, { requestIP }, trusted);
}

const BEHIND: readonly (readonly [what: string, header: string | undefined, address: string])[] = [
  ['the address that the proxy names', '203.0.113.9', '203.0.113.9'],
  [
    'the right-most one: what stands before it is what the client says',
    '1.1.1.1, 203.0.113.9',
    '203.0.113.9',
  ],
  ['the right-most one that is no proxy of ours', '1.1.1.1, 203.0.113.9, 10.1.2.3, 192.0.2.7', '203.0.113.9'],
  ['one with a port', '203.0.113.9:4711', '203.0.113.9'],
  ['an IPv6 address', '2001:DB8::9', '2001:db8::9'],
  ['an IPv6 address in brackets, with and without a port', '[2001:db8::9]:4711, [fd00::2]', '2001:db8::9'],
  ['an IPv4 address in the form of IPv6', '::ffff:203.0.113.9', '203.0.113.9'],
  ['the proxy itself where it names nobody', undefined, '10.0.0.1'],
  ['the proxy itself where it names no address', 'unknown', '10.0.0.1'],
  ['the proxy that could not tell', '203.0.113.9, unknown, 10.1.2.3', '10.1.2.3'],
  ['the first of proxies alone', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
];

test.each(BEHIND)('behind a trusted proxy a client has %s', (_, header, address) => {
  expect(from('10.0.0.1', header)).toEqual({ address, port: 4711, isProxied: true });
});

test('a proxy over IPv6, and one whose IPv4 address comes in the form of IPv6, are trusted as well', () => {
  for (const peer of ['fd00::1', 'FD00::1', '::ffff:10.0.0.1']) {
    expect(from(peer, '203.0.113.9')).toMatchObject({ address: '203.0.113.9', isProxied: true });
  }
});

test('a network of IPv4 has its first address and its last, and no text that only looks like one', () => {
  const one = createTrustedProxies([
    '198.51.100.64/26',
    '0.0.0.0/32',
    '255.255.255.255/32',
    '192.0.2.130/25',
  ]);
  const inside = [
    '198.51.100.64',
    '198.51.100.127',
    '0.0.0.0',
    '255.255.255.255',
    '192.0.2.128',
    '192.0.2.255',
  ];
  expect(inside.filter((address) => !one.has(address))).toEqual([]);
  const outside = [
    '198.51.100.63',
    '198.51.100.128',
    '0.0.0.1',
    '192.0.2.127',
    '198.51.100.064',
    '198.51.100',
    '1.198.51.100.64',
    '198.51.100.64.',
    '',
    '198.51.100.256',
    ' 198.51.100.64',
  ];
  expect(outside.filter(one.has)).toEqual([]);
});

test('nobody else is believed', () => {
  for (const peer of ['11.0.0.1', '192.0.2.8', 'fe80::1', '::1']) {
    expect(from(peer, '203.0.113.9')).toEqual({ address: peer, port: 4711, isProxied: false });
  }
  expect(from('10.0.0.1', '203.0.113.9', createTrustedProxies([]))).toMatchObject({
    address: '10.0.0.1',
    isProxied: false,
  });
  expect(from('::ffff:11.0.0.1')).toMatchObject({ address: '11.0.0.1' });
  expect(from(null, '203.0.113.9')).toEqual({ address: '', port: 0, isProxied: false });
});
