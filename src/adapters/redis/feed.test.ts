import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { feedContract, productsAt } from '../../../tests/conformance/feed.contract.ts';
import { onDistributedBackends, ownRedis } from '../../../tests/support/backends.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import {
  type RedisShape,
  startRedis,
  startRedisCluster,
  startRedisWithSentinel,
} from '../../../tests/support/redis-shapes.ts';
import { until } from '../../../tests/support/until.ts';
import type { Feed } from '../../ports/feed.ts';
import { openRedisFeed } from './feed.ts';
import { openRedisLink, type RedisLink } from './link.ts';

onDistributedBackends(() => {
  feedContract('Redis', async () => {
    const { url, keyPrefix } = await ownRedis();
    return [(await openEnd(url, keyPrefix)).feed, (await openEnd(url, keyPrefix)).feed];
  });
  feedContract('Redis Cluster', () => openOn(startRedisCluster()));
  feedContract('Redis behind a sentinel', () => openOn(startRedisWithSentinel()));
  describe('the feed in Redis on bad days', badDays);
});

/** Sees that a subscription is down, or that it is back, from the moment that this is so. */
const NOTICED_WITHIN_MS = 4_000;

function badDays(): void {
  let redis: RedisShape;
  let here: End;
  let there: End;
  let version = 0;
  const change = () => productsAt([1, ++version]);

  beforeAll(async () => {
    redis = await startRedis();
    here = await openEnd(redis.url, 'test');
    there = await openEnd(redis.url, 'test');
  });
  afterAll(async () => {
    await here?.feed.close();
    await there?.feed.close();
    await redis?.close();
  });

  test('Redis killed and started again: publishing costs nothing, then a resync, then news', async () => {
    await redis.kill();
    await until(() => isDown(there.feed));
    const startedAtMs = performance.now();
    for (let i = 0; i < 10_000; i++) here.feed.publish(change());
    expect(performance.now() - startedAtMs).toBeLessThan(500);
    const resyncsBefore = there.resyncs();
    await redis.restart();
    await until(() => there.resyncs() > resyncsBefore, NOTICED_WITHIN_MS);
    await newsArrives();
    expect(there.heard.slice(-2)).toEqual([
      expect.stringContaining('cut off'),
      'The feed of live news is back.',
    ]);
  });

  test('Redis frozen: that is noticed, and thawed there is a resync and then news', async () => {
    redis.pause();
    await until(() => there.heard.at(-1)?.includes('cut off') === true, NOTICED_WITHIN_MS);
    expect(await isDown(there.feed)).toBe(true);
    const resyncsBefore = there.resyncs();
    redis.resume();
    await until(() => there.resyncs() > resyncsBefore, NOTICED_WITHIN_MS);
    await newsArrives();
  });

  test('only the subscriber cut off: a resync, then news', async () => {
    const resyncsBefore = there.resyncs();
    const clients = (await there.link.commands.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string;
    for (const [, id] of clients.matchAll(/\bid=(\d+)/g)) await there.link.commands.client('KILL', 'ID', id!);
    await until(() => there.resyncs() > resyncsBefore, NOTICED_WITHIN_MS);
    await newsArrives();
  });

  test('only the publisher cut off: what it could not send ends in a resync for the others', async () => {
    const resyncsBefore = there.resyncs();
    const id = await here.link.commands.client('ID');
    await there.link.commands.client('KILL', 'ID', `${id}`);
    await until(() => here.link.commands.status !== 'ready');
    here.feed.publish(change());
    await until(() => there.resyncs() > resyncsBefore, NOTICED_WITHIN_MS);
    await newsArrives();
  });

  test('what others send on the channel is ignored', async () => {
    for (const text of ['', 'nonsense', '{}', '[]', 'null', '{"f":1}', '{"f":"x","s":7}']) {
      await here.link.commands.publish('test:feed', text);
    }
    await newsArrives();
  });

  test('shops do not hear each other', async () => {
    const other = await openEnd(redis.url, 'other');
    other.feed.publish(productsAt([1, 1_000_000]));
    await newsArrives();
    expect(there.versions()).not.toContain(1_000_000);
    await other.feed.close();
  });

  async function newsArrives(): Promise<void> {
    const first = ++version;
    // Each end finds its way back in its own time; what is published before is lost.
    await until(() => {
      here.feed.publish(change());
      return (there.versions().at(-1) ?? 0) > first;
    });
  }
}

const isDown = (feed: Feed) =>
  feed.ping().then(
    () => false,
    () => true,
  );

interface End {
  readonly link: RedisLink;
  /** Closes its link, too. */
  readonly feed: Feed;
  resyncs(): number;
  /** Versions that were heard. */
  versions(): number[];
  readonly heard: string[];
}

async function openEnd(url: string, namespace: string, close = async () => {}): Promise<End> {
  const link = await openRedisLink(url);
  const heard: string[] = [];
  const feed = await openRedisFeed(link, {
    namespace,
    log: keptLog(heard),
  });
  let resyncs = 0;
  const versions: number[] = [];
  feed.subscribe({
    resync: () => resyncs++,
    stock: (changed) => versions.push(...changed.map(({ version }) => version)),
  });
  return {
    link,
    feed: {
      ...feed,
      async close() {
        await feed.close();
        await link.close();
        await close();
      },
    },
    resyncs: () => resyncs,
    versions: () => versions,
    heard,
  };
}

async function openOn(starting: Promise<RedisShape>): Promise<[Feed, Feed]> {
  const redis = await starting;
  const here = await openEnd(redis.url, 'test');
  const there = await openEnd(redis.url, 'test', redis.close);
  return [here.feed, there.feed];
}
