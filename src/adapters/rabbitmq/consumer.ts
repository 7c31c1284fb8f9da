import type { ChannelModel } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import type { ConsumerStats } from '../../domain/process-stats.ts';
import type { Log } from '../../lib/log.ts';
import type { Delivery } from '../../ports/queue.ts';
import { type ChannelConsumer, openChannelConsumer } from './channel-consumer.ts';

/** Consumes one queue on the connection that it is attached to. */
export interface RabbitConsumer {
  /** Begins to consume on a new connection. */
  attach(connection: ChannelModel): Promise<void>;
  /** The connection was lost; its unacknowledged messages are redelivered. Running handlers continue. */
  detach(): void;
  stats(): ConsumerStats;
  close(): Promise<void>;
}

export interface ConsumerOptions {
  readonly queue: string;
  /** Messages that the broker delivers before the first of them is acknowledged. */
  readonly prefetch: number;
  readonly maxItems: number;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly handle: (deliveries: Delivery[]) => Promise<void>;
  readonly log: Log;
}

/** A consumer with room that got nothing for this long has emptied its queue. */
const EMPTY_AFTER_MS = 250;

export function createConsumer(options: ConsumerOptions): RabbitConsumer {
  const { queue, prefetch, maxItems, concurrency, clock, handle, log } = options;
  let consumer: ChannelConsumer | null = null;
  let handling = 0;
  let scheduled = false;
  let closing = false;
  let newestAt: number | null = null;
  let lastInboundMs = 0;
  const ended = Promise.withResolvers<void>();

  /** In a later turn, so that what arrives together is handled together. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (consumer && !closing && handling < concurrency) {
        const batch = consumer.take(maxItems);
        if (batch.length === 0) break;
        void deliver(consumer, batch);
      }
      if (closing && handling === 0) ended.resolve();
    });
  }

  async function deliver(from: ChannelConsumer, batch: ReturnType<ChannelConsumer['take']>): Promise<void> {
    handling++;
    try {
      await handle(batch);
      from.acknowledge(batch);
    } catch (error) {
      log.warn({ err: error }, 'queue trouble; it is tried again');
      from.giveBackLater(batch);
    }
    handling--;
    schedule();
  }

  function frontAt(): number | null {
    const hasRoom = consumer !== null && consumer.unacked.size < prefetch;
    const isEmpty = hasRoom && performance.now() - lastInboundMs > EMPTY_AFTER_MS;
    if (isEmpty) newestAt = Math.max(newestAt ?? 0, clock() - EMPTY_AFTER_MS);
    return newestAt;
  }

  return {
    async attach(connection) {
      if (closing) return;
      lastInboundMs = performance.now();
      const opened = await openChannelConsumer(connection, {
        queue,
        prefetch,
        clock,
        onInbound({ publishedAt }) {
          newestAt = Math.max(newestAt ?? 0, publishedAt);
          lastInboundMs = performance.now();
          schedule();
        },
      });
      if (closing) await opened.leave();
      else consumer = opened;
    },

    detach() {
      consumer?.forget();
      consumer = null;
    },

    stats() {
      const unacked = consumer ? [...consumer.unacked] : [];
      return {
        unacknowledged: unacked.length,
        oldestAt: unacked.length === 0 ? null : Math.min(...unacked.map(({ publishedAt }) => publishedAt)),
        frontAt: frontAt(),
        consumers: consumer && !closing ? 1 : 0,
      };
    },

    async close() {
      closing = true;
      await consumer?.cancel();
      schedule();
      await ended.promise;
      frontAt();
      await consumer?.leave();
      consumer = null;
    },
  };
}
