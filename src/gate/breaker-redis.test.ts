import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { productionEngines } from '../../test/support/engines.ts';
import { type RedisShape, startRedis, startRedisCluster } from '../../test/support/redis-shapes.ts';
import { until } from '../../test/support/until.ts';
import { openRedisLink, type RedisLink } from '../redis/link.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import { openRedisGate } from './redis.ts';

/** From the moment Redis is well again to claims that are answered by it. */
const HEALED_WITHIN_MS = 2_000;

if (productionEngines) {
  describe('a gate in Redis on bad days', () => badDays(startRedis));
  describe('a gate in Redis Cluster on bad days', () => badDays(startRedisCluster));
} else {
  console.log('skipped: a gate in Redis on bad days, because of PULSECART_TEST_ENGINES=embedded');
}

function badDays(start: () => Promise<RedisShape>): void {
  let redis: RedisShape;
  let link: RedisLink;
  let gate: Breaker;
  const heard: string[] = [];
  const standing = { productId: 1, version: 1, available: 1_000_000 };
  const isKnown = async () => (await gate.claim(1, [1], standing)).known;

  beforeAll(async () => {
    redis = await start();
    link = await openRedisLink(redis.url);
    gate = createBreaker(await openRedisGate(link, { namespace: 'test' }), {
      monotonicMs: () => performance.now(),
      onTrouble: (sentence) => heard.push(sentence),
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
    redis.freeze();
    await until(async () => !(await isKnown()));
    const slowMs: number[] = [];
    const endMs = performance.now() + 3_000;
    while (performance.now() < endMs) {
      const askedAtMs = performance.now();
      expect(await isKnown()).toBe(false);
      const tookMs = performance.now() - askedAtMs;
      if (tookMs > 20) slowMs.push(tookMs);
      await Bun.sleep(5);
    }
    expect(gate.ping()).rejects.toMatchObject({ code: 'unavailable' });
    // Pauses of a busy machine also look slow; one timeout per call would be some 50 of them.
    expect(slowMs.length).toBeLessThan(10);
    redis.thaw();
    await until(isKnown, HEALED_WITHIN_MS);
    expect(heard[0]).toContain('in trouble');
    expect(heard.at(-1)).toBe('The gate answers again.');
  });

  test('killed and started empty on the same port, it is back', async () => {
    await until(isKnown);
    await redis.kill();
    await until(async () => !(await isKnown()) && gate.breaker.isOpen);
    expect(gate.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await redis.restart();
    await until(isKnown, HEALED_WITHIN_MS);
  });
}
