import { expect, test } from 'bun:test';
import { createAddressRules } from './public-address.ts';

const rules = createAddressRules([]);

test.each([
  ...['1.1.1.1', '8.8.8.8', '93.184.216.34', '172.15.255.255', '172.32.0.1', '223.255.255.255'],
  ...['2606:4700:4700::1111', '2a00:1450:4001:81b::200e', '::ffff:1.1.1.1'],
])('%s is public', (address) => {
  expect(rules.refusal(address)).toBeNull();
});

test.each([
  ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '198.18.0.1'],
  ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '192.0.2.1', '203.0.113.7'],
  ...[
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '2002:7f00:1::',
  ],
  ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:a9fe:a9fe', '::ffff:169.254.169.254'],
  ...['::7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::1', 'fe80::1%eth0', '3fff::1'],
])('%s is refused', (address) => {
  expect(rules.refusal(address)).toContain('is not a public address');
});

test.each(['', 'localhost', '127.1', '0x7f000001', '2130706433', '1.2.3.4.5'])('%j is no address', (text) => {
  expect(rules.refusal(text)).toContain('is no address');
});

test('a network that is named is allowed, and nothing beside it', () => {
  const named = createAddressRules(['10.1.0.0/16', 'fd00::/8', '127.0.0.1/32']);
  for (const address of ['10.1.2.3', 'fd12::1', '127.0.0.1', '::ffff:127.0.0.1']) {
    expect(named.refusal(address)).toBeNull();
    expect(named.isAllowed(address)).toBe(true);
  }
  for (const address of ['10.2.0.1', 'fc00::1', '127.0.0.2', '169.254.169.254']) {
    expect(named.refusal(address)).toContain('is not a public address');
  }
  expect([named.refusal('1.1.1.1'), named.isAllowed('1.1.1.1')]).toEqual([null, false]);
});
