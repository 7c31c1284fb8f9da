import { expect, test } from 'bun:test';
import { isOwnAddress, onOpenNetworks, withoutTls } from './open-networks.ts';

test.each([
  ['postgres://shop:p%40ss@db.example:5433/shop', ['db.example']],
  ['postgres://shop:a@b@203.0.113.7/shop', ['203.0.113.7']],
  ['postgres://shop:secret@[2001:db8::7]:5432/shop', ['2001:db8::7']],
  ['postgres://shop:secret@ignored/shop?host=203.0.113.7', ['203.0.113.7']],
  ['postgres://shop@%2Fvar%2Frun%2Fpostgresql/shop', []],
  ['postgres://shop@x/shop?host=/var/run/postgresql', []],
  ['postgres://db.example/shop?sslmode=disable', ['db.example']],
  ['postgres://db.example/shop?application_name=a@b', ['db.example']],
  ['postgres://db.example/shop?sslmode=verify-full', []],
  ['postgresql://db.example/shop?x=y&sslmode=require', []],
  ['postgres://db.example/shop?ssl=true', []],
  ['redis://:secret@cache.example:6380/1', ['cache.example']],
  ['redis+sentinel://:secret@a.example:1,b.example/main', ['a.example', 'b.example']],
  ['rediss://:secret@cache.example', []],
  ['rediss+cluster://a.example,b.example', []],
  ['amqp://shop:secret@queue.example/v', ['queue.example']],
  ['amqps://shop:secret@queue.example/v', []],
])('%s goes without TLS to %j', (url, hosts) => {
  expect(withoutTls({ url })).toEqual(hosts.map((host) => ({ name: 'url' as const, host })));
});

test('networks of one’s own are those that no router on the way belongs to another', () => {
  const own = ['127.0.0.1', '127.8.8.8', '::1', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.9.9'];
  own.push('100.64.0.1', '169.254.1.1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1');
  for (const address of own) expect([address, isOwnAddress(address)]).toEqual([address, true]);
  const open = [
    '203.0.113.7',
    '8.8.8.8',
    '172.32.0.1',
    '172.15.0.1',
    '100.128.0.1',
    '192.169.0.1',
    '2001:db8::7',
  ];
  for (const address of [...open, '::ffff:8.8.8.8'])
    expect([address, isOwnAddress(address)]).toEqual([address, false]);
});

test('a name counts as what it leads to, and one that leads nowhere is left to who opens it', async () => {
  const at = (host: string) => ({ name: 'DATABASE_URL' as const, host });
  const hosts = ['localhost', '127.0.0.1', '10.0.0.1', '203.0.113.7', '2001:db8::7', 'nowhere.invalid'];
  expect(await onOpenNetworks(hosts.map(at))).toEqual([at('203.0.113.7'), at('2001:db8::7')]);
});
