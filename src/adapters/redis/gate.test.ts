import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { gateContract } from '../../../tests/conformance/gate.contract.ts';
import { onDistributedBackends, ownRedis } from '../../../tests/support/backends.ts';
import {
  type RedisShape,
  startRedis,
  startRedisCluster,
  startRedisWithSentinel,
  startRedisWithTls,
} from '../../../tests/support/redis-shapes.ts';
import type { Gate } from '../../ports/gate.ts';
import { openRedisGate } from './gate.ts';
import { openRedisLink, type RedisLink } from './link.ts';

onDistributedBackends(() => {
  gateContract('Redis', async () => {
    const { url, keyPrefix } = await ownRedis();
    return openOwn(url, { namespace: keyPrefix });
  });
  gateContract('Redis behind a sentinel', () => openOn(startRedisWithSentinel()));
  gateContract('Redis over TLS', () => openOn(startRedisWithTls()));
  gateContract('Redis Cluster', () => openOn(startRedisCluster()));
  describe('the gate in Redis', ownTests);
});

function ownTests(): void {
  let redis: RedisShape;
  let link: RedisLink;
  let gate: Gate;
  let productId = 100;
  const claims = async (quantities: number[]) => {
    const answer = await gate.claim(productId, quantities, null);
    return answer.known ? answer.claims : 'unknown product';
  };

  beforeAll(async () => {
    redis = await startRedis();
    link = await openRedisLink(redis.url);
    gate = await openRedisGate(link, { namespace: 'test', timeoutMs: PATIENT_MS });
  });
  afterAll(async () => {
    await link?.close();
    await redis?.close();
  });

  test('P5 an entry beyond all numbers of ours is none, and is written over', async () => {
    productId = 99;
    const stock = { productId, version: 1, available: 5 };
    const endless = '9'.repeat(400);
    for (const entry of [`${endless} 0 0`, `1 ${endless} 0`, `1 5 ${endless}`, `9007199254740993 0 0`]) {
      await link.commands.set(`test:{p:${productId}}:gate`, entry);
      expect(await gate.claim(productId, [1], stock)).toEqual({
        known: true,
        stock,
        claims: ['claimed'],
      });
      expect(await link.commands.get(`test:{p:${productId}}:gate`)).toBe('1 5 4');
    }
  });

  test('keeps the largest numbers digit by digit', async () => {
    productId = Number.MAX_SAFE_INTEGER;
    const stock = { productId, version: Number.MAX_SAFE_INTEGER - 1, available: Number.MAX_SAFE_INTEGER };
    await gate.update({ ...stock, version: stock.version - 1, available: 0 }, 'ifNewer');
    expect(await gate.claim(productId, [1], stock)).toEqual({
      known: true,
      stock,
      claims: ['claimed'],
    });
    expect(await gate.claim(productId, [1_000_000], null)).toMatchObject({ stock, claims: ['claimed'] });
    expect(await link.commands.get(`test:{p:${productId}}:gate`)).toBe(
      '9007199254740990 9007199254740991 9007199253740990',
    );
  });

  test('judges a batch of 512 with changing quantities like a counter in memory', async () => {
    productId = 101;
    let free = 900;
    const quantities = Array.from({ length: 512 }, (_, i) => 1 + (Math.floor((i * i) / 7) % 4));
    const expected = quantities.map((quantity) => {
      if (quantity > free) return 'wait';
      free -= quantity;
      return 'claimed';
    });
    await gate.update({ productId, version: 1, available: 900 }, 'ifNewer');
    expect(await claims(quantities)).toEqual(expected as never);
    expect(expected).toContain('wait');
  });

  test('knows nothing of any product after FLUSHALL, until it is shown a stock', async () => {
    productId = 102;
    await gate.update({ productId, version: 5, available: 3 }, 'ifNewer');
    await link.commands.flushall();
    expect(await claims([1])).toBe('unknown product');
    const answer = await gate.claim(productId, [2, 2], { productId, version: 5, available: 3 });
    expect(answer).toMatchObject({ known: true, claims: ['claimed', 'wait'] });
  });

  test('goes on when Redis has forgotten the script', async () => {
    productId = 103;
    await gate.update({ productId, version: 1, available: 1 }, 'ifNewer');
    await link.commands.script('FLUSH');
    expect(await claims([1, 1])).toEqual(['claimed', 'wait']);
  });

  test('an entry goes when nothing has changed it for long', async () => {
    productId = 104;
    const brief = await openRedisGate(link, {
      namespace: 'brief',
      entryLivesMs: 60_000,
      timeoutMs: PATIENT_MS,
    });
    await brief.update({ productId, version: 1, available: 2 }, 'ifNewer');
    await brief.claim(productId, [1], null);
    const livesMs = await link.commands.pttl(`brief:{p:${productId}}:gate`);
    expect(livesMs).toBeGreaterThan(50_000);
    expect(livesMs).toBeLessThanOrEqual(60_000);
  });

  test('starts over from an entry that somebody else has spoiled', async () => {
    productId = 105;
    await link.commands.set(`test:{p:${productId}}:gate`, 'nonsense');
    expect(await claims([1])).toBe('unknown product');
    await gate.update({ productId, version: 1, available: 1 }, 'ifNewer');
    expect(await claims([1])).toEqual(['claimed']);
  });

  test('two processes claim from one counter', async () => {
    productId = 106;
    const otherLink = await openRedisLink(redis.url);
    const other = await openRedisGate(otherLink, { namespace: 'test', timeoutMs: PATIENT_MS });
    await gate.update({ productId, version: 1, available: 5 }, 'ifNewer');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? gate : other).claim(productId, [1], null)),
    );
    expect(answers.filter((answer) => answer.known && answer.claims[0] === 'claimed')).toHaveLength(5);
    await otherLink.close();
  });

  test('is not late because this process was busy', async () => {
    productId = 107;
    const hasty = await openRedisGate(link, { namespace: 'test', timeoutMs: 20 });
    await hasty.update({ productId, version: 1, available: 1 }, 'ifNewer');
    const claim = hasty.claim(productId, [1], null);
    const endMs = performance.now() + 100;
    while (performance.now() < endMs);
    expect(await claim).toMatchObject({ claims: ['claimed'] });
  });

  test('a namespace that would break the hash tag is refused', async () => {
    await expect(openRedisGate(link, { namespace: 'shop{1}' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
}

/** For tests that are not about time: the machine may be busy. */
const PATIENT_MS = 2_000;

async function openOn(starting: Promise<RedisShape>): Promise<Gate> {
  const redis = await starting;
  try {
    return await openOwn(redis.url, { close: redis.close });
  } catch (error) {
    await redis.close();
    throw error;
  }
}

async function openOwn(
  url: string,
  { namespace = 'test', close = async () => {} }: { namespace?: string; close?: () => Promise<void> },
): Promise<Gate> {
  const link = await openRedisLink(url);
  const gate = await openRedisGate(link, { namespace, timeoutMs: PATIENT_MS });
  return {
    ...gate,
    async close() {
      await gate.close();
      await link.close();
      await close();
    },
  };
}
