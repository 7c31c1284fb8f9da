import type { Channel, ChannelModel } from 'amqplib';
import { QUEUE_NAMES, type QueueName } from '../../ports/queue.ts';
import { endWith } from './connect.ts';
import type { ConsumerStats } from './consumer.ts';

/**
 * Unacknowledged messages over all processes. AMQP has no method for that, and the broker's HTTP interface is a plugin that
 * may be missing. So consuming processes publish their counts to each other, over an exchange of their own.
 */
export interface UnackedStats {
  /** On the connection that publishes: a broker's alarm stops what a publishing connection sends, acknowledgements too. */
  attachSender(connection: ChannelModel): Promise<void>;
  attachReceiver(connection: ChannelModel): Promise<void>;
  detachSender(): void;
  /** Ours as of now, the others' as last published. */
  of(name: QueueName): ConsumerStats;
  close(): void;
}

export interface UnackedStatsOptions {
  readonly exchange: string;
  readonly ownStats: (name: QueueName) => ConsumerStats;
}

/** The published message of a process. */
interface Report {
  readonly process: string;
  readonly holdings: Readonly<Record<string, ConsumerStats>>;
}

const PUBLISH_EVERY_MS = 250;

/** Unchanged stats are published every fourth time, so that a process which has just started has them within a second. */
const REPEAT_AFTER = 4;

/** After three missed messages the process counts as dead. */
const FORGET_AFTER_MS = 3_000;

/** Old stats are worthless: for a process that does not read, the broker keeps only the newest few hundred. */
const WAITING_MAX = 500;

export function createUnackedStats({ exchange, ownStats }: UnackedStatsOptions): UnackedStats {
  const self = crypto.randomUUID();
  const others = new Map<string, { readonly atMs: number; readonly holdings: Report['holdings'] }>();
  let sender: Channel | null = null;
  let lastCounts = '';
  let ticks = 0;
  const timer = setInterval(publish, PUBLISH_EVERY_MS);

  function publish(): void {
    if (!sender) return;
    const holdings = Object.fromEntries(QUEUE_NAMES.map((name) => [name, ownStats(name)]));
    const counts = JSON.stringify(QUEUE_NAMES.map((name) => holdings[name]!.unacknowledged));
    const consumes = QUEUE_NAMES.some((name) => holdings[name]!.frontAt !== null);
    if (!consumes || (counts === lastCounts && ++ticks % REPEAT_AFTER !== 0)) return;
    lastCounts = counts;
    try {
      sender.publish(exchange, '', Buffer.from(JSON.stringify({ process: self, holdings } satisfies Report)));
    } catch {
      // The channel has ended; the next one comes with the connection.
    }
  }

  function receive(content: Buffer): void {
    try {
      const { process, holdings } = JSON.parse(content.toString()) as Report;
      if (process !== self) others.set(process, { atMs: performance.now(), holdings });
    } catch {
      // A foreign message on our exchange is ignored.
    }
  }

  return {
    async attachSender(connection) {
      const channel = await connection.createChannel();
      endWith(connection, channel);
      sender = channel;
    },

    async attachReceiver(connection) {
      const channel = await connection.createChannel();
      endWith(connection, channel);
      // A new name each time: the broker may not have noticed the loss of the previous connection yet, and still have its queue.
      const queue = `${exchange}.${crypto.randomUUID()}`;
      const options = { exclusive: true, durable: false, arguments: { 'x-max-length': WAITING_MAX } };
      await channel.assertQueue(queue, options);
      await channel.bindQueue(queue, exchange, '');
      await channel.consume(queue, (message) => message && receive(message.content), { noAck: true });
    },

    detachSender() {
      sender = null;
    },

    of(name) {
      const now = performance.now();
      for (const [process, { atMs }] of others) if (now - atMs > FORGET_AFTER_MS) others.delete(process);
      const theirs = [...others.values()].flatMap(({ holdings }) => holdings[name] ?? []);
      return sumOf([ownStats(name), ...theirs]);
    },

    close() {
      clearInterval(timer);
    },
  };
}

export function sumOf(stats: readonly ConsumerStats[]): ConsumerStats {
  const oldest = stats.flatMap(({ oldestAt }) => oldestAt ?? []);
  const fronts = stats.flatMap(({ frontAt }) => frontAt ?? []);
  return {
    unacknowledged: stats.reduce((sum, { unacknowledged }) => sum + unacknowledged, 0),
    oldestAt: oldest.length === 0 ? null : Math.min(...oldest),
    frontAt: fronts.length === 0 ? null : Math.max(...fronts),
  };
}
