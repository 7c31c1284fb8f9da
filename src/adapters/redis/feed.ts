import { randomUUID } from 'node:crypto';
import { AppError } from '../../domain/errors.ts';
import type { Log } from '../../lib/log.ts';
import { createThrottle } from '../../lib/throttle.ts';
import type { Feed, FeedListener } from '../../ports/feed.ts';
import { readMessage, writeMessage } from './feed/message.ts';
import { createPublisher } from './feed/publisher.ts';
import { openSubscription } from './feed/subscription.ts';
import type { RedisLink } from './link.ts';

export interface RedisFeedOptions {
  /** Prefix of the channel, so that several shops can share a Redis. */
  readonly namespace: string;
  /** Gets one sentence when the feed is cut off and one when it is back. */
  readonly log: Log;
}

/** Resyncs come in bursts, one from each process that lost the same Redis. One new read of the ledger is enough. */
const RESYNC_EVERY_MS = 1_000;

/**
 * The feed of many processes: one pub/sub channel, on which every process publishes and subscribes; it skips its own
 * messages. Plain pub/sub reaches every node of a cluster. Redis keeps nothing, so messages are lost while a subscription is
 * down; a `resync` reports that.
 */
export async function openRedisFeed(link: RedisLink, { namespace, log }: RedisFeedOptions): Promise<Feed> {
  const channel = `${namespace}:feed`;
  const self = randomUUID();
  const listeners = new Set<FeedListener>();
  const publisher = createPublisher((message) => link.commands.publish(channel, writeMessage(self, message)));
  const resyncs = createThrottle<'resync', null>(RESYNC_EVERY_MS, () => tell((one) => one.resync?.()));

  function tell(call: (listener: FeedListener) => void): void {
    for (const listener of listeners) {
      try {
        call(listener);
      } catch (error) {
        log.error({ err: error }, 'a listener of the feed threw');
      }
    }
  }

  const subscription = await openSubscription(link, channel, {
    onMessage(text) {
      const message = readMessage(text);
      if (!message || message.from === self) return;
      const { stock, orders, decided, stats, resync } = message;
      if (stock.length > 0) tell((one) => one.stock?.(stock));
      if (orders.length + decided.length > 0) tell((one) => one.news?.({ orders, decided }));
      if (stats) tell((one) => one.stats?.(stats));
      if (resync) resyncs.offer('resync', null);
    },
    onLost(error) {
      log.warn(`The feed of live news is cut off: ${error.message}`);
    },
    onBack() {
      log.warn('The feed of live news is back.');
      resyncs.offer('resync', null);
    },
  });

  return {
    publish: publisher.changes,
    publishStats: publisher.stats,
    subscribe(listener) {
      // A listener of its own, so that the same object may subscribe twice.
      const own = { ...listener };
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    async ping() {
      if (!subscription.isLive) throw new AppError('unavailable', `Redis at ${link.at}: no subscription.`);
      await link.commands.ping().catch((error) => {
        throw new AppError('unavailable', link.trouble.ofCommand(error).message);
      });
    },
    async close() {
      await publisher.close();
      await subscription.close();
      listeners.clear();
      resyncs.close();
    },
  };
}
