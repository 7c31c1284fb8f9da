import { describe, expect, test } from 'bun:test';
import { checkNetworks, refuseOpenNetworks } from './network-checks.ts';

const urls = (databaseUrl: string, redisUrl = 'rediss://cache', rabbitmqUrl = 'amqps://queue') => ({
  databaseUrl,
  redisUrl,
  rabbitmqUrl,
});
const OPEN = urls('postgres://shop:secret@203.0.113.7/shop', 'redis://[2001:db8::7]:6379');
const IN_PRODUCTION = { mode: 'production', plainBackendsAllowed: false } as const;

describe('production mode', () => {
  test('lets nobody on the way read along: no backend without TLS on an open network', async () => {
    const says =
      'Production mode does not send passwords and orders unencrypted over open networks: DATABASE_URL leads to 203.0.113.7, ' +
      'REDIS_URL leads to 2001:db8::7 without TLS. Use ?sslmode=verify-full, rediss:// or amqps://, or set ' +
      'PULSECART_ALLOW_PLAIN_BACKENDS=on to accept that.';
    await expect(refuseOpenNetworks({ ...IN_PRODUCTION, urls: OPEN })).rejects.toThrow(says);
    expect(await checkNetworks({ ...IN_PRODUCTION, urls: OPEN })).toEqual([
      { name: 'settings', state: 'broken', detail: says },
    ]);
  });

  test.each([
    ['with TLS', urls('postgres://shop:secret@203.0.113.7/shop?sslmode=verify-full')],
    ['on a network of its own', urls('postgres://shop:secret@10.0.0.7/shop', 'redis://192.168.1.9')],
    ['at names of such a network, or of none', urls('postgres://localhost/shop', 'redis://redis.invalid')],
    ['in its own process', null],
  ])('takes backends %s', async (_, given) => {
    expect(await refuseOpenNetworks({ ...IN_PRODUCTION, urls: given })).toBeUndefined();
  });

  test('takes them all where it is told to, and so does development mode', async () => {
    for (const asked of [{ plainBackendsAllowed: true }, { mode: 'development' as const }]) {
      expect(await refuseOpenNetworks({ ...IN_PRODUCTION, ...asked, urls: OPEN })).toBeUndefined();
      const [note] = await checkNetworks({ ...IN_PRODUCTION, ...asked, urls: OPEN });
      expect(note).toMatchObject({ state: 'note', detail: expect.stringContaining('203.0.113.7') });
    }
  });
});

test('doctor names what goes unencrypted to another machine, and nothing of this one', async () => {
  const near = urls('postgres://127.0.0.1/shop', 'redis://localhost:1', 'amqp://[::1]');
  expect(await checkNetworks({ ...IN_PRODUCTION, urls: near })).toEqual([]);
  const far = urls('postgres://10.0.0.7/shop', 'rediss://10.0.0.8', 'amqp://10.0.0.9');
  expect(await checkNetworks({ ...IN_PRODUCTION, urls: far })).toEqual([
    {
      name: 'settings',
      state: 'note',
      detail: 'DATABASE_URL leads to 10.0.0.7, RABBITMQ_URL leads to 10.0.0.9 without TLS',
    },
  ]);
});
