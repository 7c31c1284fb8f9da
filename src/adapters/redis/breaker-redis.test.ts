import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { onDistributedBackends } from '../../../tests/support/backends.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { type RedisShape, startRedis, startRedisCluster } from '../../../tests/support/redis-shapes.ts';
import { until } from '../../../tests/support/until.ts';
import type { Gate } from '../../ports/gate.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import { openRedisGate } from './gate.ts';
import { openRedisLink, type RedisLink } from './link.ts';

/** From the moment Redis is well again to claims that are answered by it: a second, on a machine with nothing else to do. */
const HEALED_WITHIN_MS = 20_000;
/** So many, and so far apart, that several probes fall between them. */
const ASKED_WHILE_FROZEN = 300;
const ASKED_EVERY_MS = 5;

onDistributedBackends(() => {
  describe('a gate in Redis under faults', () => faults(startRedis));
  describe('a gate in Redis Cluster under faults', () => faults(startRedisCluster));
});

function faults(start: () => Promise<RedisShape>): void {
  let redis: RedisShape;
  let link: RedisLink;
  let gate: Breaker;
  let claims = 0;
  const heard: string[] = [];
  const stock = { productId: 1, version: 1, available: 1_000_000 };
  const isKnown = async () => (await gate.claim(1, [1], stock)).known;

  beforeAll(async () => {
    redis = await start();
    link = await openRedisLink(redis.url);
    const inRedis = await openRedisGate(link, { namespace: 'test' });
    const counted: Gate = {
      ...inRedis,
      claim(...asked) {
        claims++;
        return inRedis.claim(...asked);
      },
    };
    gate = createBreaker(counted, {
      monotonicMs: () => performance.now(),
      log: keptLog(heard),
    });
    await until(isKnown);
  });
  afterAll(async () => {
    await link?.close();
    await redis?.close();
  });

  test('frozen, it costs one timeout and then nothing; thawed, it is back', async () => {
    await until(isKnown);
    heard.length = 0;
    redis.pause();
    await until(async () => !(await isKnown()));
    const claimsBefore = claims;
    for (let i = 0; i < ASKED_WHILE_FROZEN; i++) {
      expect(await isKnown()).toBe(false);
      await Bun.sleep(ASKED_EVERY_MS);
    }
    expect(claims).toBe(claimsBefore);
    await expect(gate.ping()).rejects.toMatchObject({ code: 'unavailable' });
    redis.resume();
    await until(isKnown, HEALED_WITHIN_MS);
    expect(heard[0]).toContain('in trouble');
    expect(heard.at(-1)).toBe('The gate answers again.');
  });

  test('killed and started empty on the same port, it is back', async () => {
    await until(isKnown);
    await redis.kill();
    await until(async () => !(await isKnown()) && gate.breaker.isOpen);
    await expect(gate.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await redis.restart();
    await until(isKnown, HEALED_WITHIN_MS);
  });
}
