import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { inspect } from 'node:util';
import { onDistributedBackends } from '../../../tests/support/backends.ts';
import {
  REDIS_PASSWORD,
  type RedisShape,
  startRedis,
  startRedisCluster,
  startRedisWithPassword,
  startRedisWithSentinel,
  startRedisWithTls,
} from '../../../tests/support/redis-shapes.ts';
import { isAppError } from '../../domain/errors.ts';
import { openRedisGate } from './gate.ts';
import { openRedisLink } from './link.ts';

onDistributedBackends(() => describe('opening Redis', openings));

function openings(): void {
  let single: RedisShape;
  let withPassword: RedisShape;
  let withTls: RedisShape;
  let cluster: RedisShape;
  let sentinel: RedisShape;

  beforeAll(async () => {
    [single, withPassword, withTls, cluster, sentinel] = await Promise.all([
      startRedis(),
      startRedisWithPassword(),
      startRedisWithTls(),
      startRedisCluster(),
      startRedisWithSentinel(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([single, withPassword, withTls, cluster, sentinel].map((redis) => redis?.close()));
  });

  test('a password full of signs and another database work', async () => {
    const link = await openRedisLink(withPassword.url);
    await openRedisGate(link, { namespace: 'test' });
    await link.commands.select(3);
    expect(await link.commands.exists('test:{p:0}:gate')).toBe(1);
    await link.close();
  });

  test('a wrong password is refused', () =>
    refused(
      `redis://:nonsense@127.0.0.1:${withPassword.port}`,
      'unusable_store',
      'refused the user name or password',
    ));

  test('a missing password is named', () =>
    refused(
      `redis://127.0.0.1:${withPassword.port}`,
      'unusable_store',
      'wants a password, and its URL has none',
    ));

  test('a missing permission is named', async () => {
    const link = await openRedisLink(single.url);
    await link.commands.acl('SETUSER', 'weak', 'on', `>${REDIS_PASSWORD}`, '~*', '+@connection', '+info');
    await link.close();
    const secret = encodeURIComponent(REDIS_PASSWORD);
    await refused(
      `redis://weak:${secret}@127.0.0.1:${single.port}`,
      'unusable_store',
      'does not permit what is needed',
    );
  });

  test('a database that is not there is refused', () =>
    refused(`redis://127.0.0.1:${single.port}/99`, 'unusable_store', 'does not have the database'));

  test('a host that nobody answers on is named', () =>
    refused(
      'redis://:geheim@127.0.0.1:1',
      'unavailable',
      'Redis at 127.0.0.1:1 cannot be reached: connection refused',
    ));

  test('a host that nobody knows is named', () =>
    refused('redis://:geheim@redis.invalid', 'unavailable', 'its host name is unknown'));

  test('no TLS where TLS is spoken, and the other way round', async () => {
    await refused(`redis://127.0.0.1:${withTls.port}`, 'unavailable', 'TLS on one side only?');
    await refused(`rediss://127.0.0.1:${single.port}`, 'unavailable', 'TLS on one side only?');
  });

  test('a certificate of an unknown authority is refused', () =>
    refused(`rediss://127.0.0.1:${withTls.port}`, 'unusable_store', 'name its authority with ?ca=<file>'));

  test('an authority that cannot be read is named', () =>
    refused(`rediss://127.0.0.1:${withTls.port}?ca=/no/such.pem`, 'invalid_request', '/no/such.pem'));

  test('a cluster wants to be called one, and a server does not', async () => {
    await refused(`redis://127.0.0.1:${cluster.port}`, 'unusable_store', 'must begin with redis+cluster://');
    await refused(`redis+cluster://127.0.0.1:${single.port}`, 'unusable_store', 'must begin with redis://');
    await refused('redis+cluster://:geheim@127.0.0.1:1', 'unavailable', 'no server there');
  });

  test('a cluster is found though some of the named nodes are gone', async () => {
    const link = await openRedisLink(`redis+cluster://127.0.0.1:1,127.0.0.1:${cluster.port},127.0.0.1:2`);
    await openRedisGate(link, { namespace: 'test' });
    await link.close();
  });

  test('a replica is refused', async () => {
    const replica = await startRedis();
    try {
      const link = await openRedisLink(replica.url);
      await link.commands.call('REPLICAOF', '127.0.0.1', `${single.port}`);
      await link.close();
      await refused(replica.url, 'unusable_store', 'is a read-only replica');
    } finally {
      await replica.close();
    }
  });

  test('sentinels that know no such master, or are none, are named', async () => {
    const [host] = /127[^/]*/.exec(sentinel.url)!;
    await refused(`redis+sentinel://${host}/other`, 'unavailable', 'cannot be found');
    await refused('redis+sentinel://127.0.0.1:1/mymaster', 'unavailable', 'cannot be found');
  });
}

/** Opening link and gate fails as it should, soon, and without showing a secret anywhere. */
async function refused(url: string, code: string, sentence: string): Promise<void> {
  const startedAtMs = performance.now();
  let error: unknown = null;
  try {
    const link = await openRedisLink(url);
    await openRedisGate(link, { namespace: 'test' }).finally(() => link.close());
  } catch (thrown) {
    error = thrown;
  }
  expect(isAppError(error, code as never) ? null : error).toBe(null);
  expect((error as Error).message).toContain(sentence);
  const shown = inspect(error, { depth: 10 });
  for (const secret of ['nonsense', 'geheim', REDIS_PASSWORD]) expect(shown).not.toContain(secret);
  expect(performance.now() - startedAtMs).toBeLessThan(6_000);
}
