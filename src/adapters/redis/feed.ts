import { randomUUID } from 'node:crypto';
import { AppError } from '../../domain/errors.ts';
import type { Feed } from '../../ports/feed.ts';
import { createDispatcher } from '../memory/dispatcher.ts';
import { readMessage, writeMessage } from './feed/message.ts';
import { createPublisher } from './feed/publisher.ts';
import { openSubscription } from './feed/subscription.ts';
import type { RedisLink } from './link.ts';

export interface RedisFeedOptions {
  /** Prefix of the channel, so that several shops can share a Redis. */
  readonly namespace: string;
  /** Hears one sentence when the feed is cut off and one when it is back. */
  readonly onTrouble: (sentence: string) => void;
  readonly onBug: (error: unknown, context: string) => void;
}

/**
 * The feed of many processes: one pub/sub channel, on which every process sends and hears. A process tells its own
 * listeners directly, so it hears itself without Redis, and it skips its own messages. Plain pub/sub reaches every node
 * of a cluster; Redis keeps nothing, so what was sent while a subscription was down is gone, and a `gap` says so.
 */
export async function openRedisFeed(
  link: RedisLink,
  { namespace, onTrouble, onBug }: RedisFeedOptions,
): Promise<Feed> {
  const channel = `${namespace}:feed`;
  const self = randomUUID();
  const dispatcher = createDispatcher(onBug);
  const publisher = createPublisher((news) => link.commands.publish(channel, writeMessage(self, news)));
  const subscription = await openSubscription(link, channel, {
    onMessage(text) {
      const message = readMessage(text);
      if (!message || message.from === self) return;
      dispatcher.standings(message.standings);
      dispatcher.orders(message.orders);
      dispatcher.decided(message.decided);
      if (message.figures) dispatcher.figures(message.figures);
      if (message.gap) dispatcher.gap();
    },
    onLost(error) {
      onTrouble(`The feed of live news is cut off: ${error.message}`);
    },
    onBack() {
      onTrouble('The feed of live news is back.');
      dispatcher.gap();
    },
  });

  return {
    announce: (standings) => publisher.standings(dispatcher.standings(standings)),
    announceOrders(news) {
      dispatcher.orders(news);
      publisher.orders(news);
    },
    announceDecided(purchaseIds) {
      dispatcher.decided(purchaseIds);
      publisher.decided(purchaseIds);
    },
    announceFigures(figures) {
      dispatcher.figures(figures);
      publisher.figures(figures);
    },
    subscribe: dispatcher.subscribe,
    async ping() {
      if (!subscription.isLive) throw new AppError('unavailable', `Redis at ${link.at}: no subscription.`);
      await link.commands.ping().catch((error) => {
        throw new AppError('unavailable', link.trouble.ofCommand(error).message);
      });
    },
    async close() {
      await publisher.close();
      await subscription.close();
      dispatcher.close();
    },
  };
}
