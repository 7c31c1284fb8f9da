import type { Channel, ChannelModel } from 'amqplib';
import { QUEUE_NAMES, type QueueName } from '../../ports/queue.ts';
import { endWith } from './connect.ts';
import type { Holding } from './consumer.ts';

/**
 * What is delivered and not acknowledged, over all processes. AMQP does not tell that, and the broker's HTTP interface is
 * a plugin that may not be there. So processes that hold something tell each other, over an exchange of their own.
 */
export interface Figures {
  /** On the connection that publishes: a broker's alarm stops what a publishing connection sends, acknowledgements too. */
  attachSender(connection: ChannelModel): Promise<void>;
  attachReceiver(connection: ChannelModel): Promise<void>;
  detachSender(): void;
  /** Ours as it is now, the others' as they told last. */
  holding(name: QueueName): Holding;
  close(): void;
}

export interface FiguresOptions {
  readonly exchange: string;
  readonly ownHolding: (name: QueueName) => Holding;
}

/** What a process tells. */
interface Told {
  readonly process: string;
  readonly holdings: Readonly<Record<string, Holding>>;
}

const TELL_EVERY_MS = 250;

/** Unchanged figures are told every fourth time, so that those who have just come know them within a second. */
const TELL_AGAIN_AFTER = 4;

/** Three of those missed: the process is gone. */
const FORGET_AFTER_MS = 3_000;

/** Old figures are worthless: of a process that does not read, the broker keeps a few hundred of the newest. */
const WAITING_MAX = 500;

export function createFigures({ exchange, ownHolding }: FiguresOptions): Figures {
  const self = crypto.randomUUID();
  const others = new Map<string, { readonly atMs: number; readonly holdings: Told['holdings'] }>();
  let sender: Channel | null = null;
  let lastTold = '';
  let ticks = 0;
  const timer = setInterval(tell, TELL_EVERY_MS);

  function tell(): void {
    if (!sender) return;
    const holdings = Object.fromEntries(QUEUE_NAMES.map((name) => [name, ownHolding(name)]));
    const counts = JSON.stringify(QUEUE_NAMES.map((name) => holdings[name]!.unacknowledged));
    const consumes = QUEUE_NAMES.some((name) => holdings[name]!.frontAt !== null);
    if (!consumes || (counts === lastTold && ++ticks % TELL_AGAIN_AFTER !== 0)) return;
    lastTold = counts;
    try {
      sender.publish(exchange, '', Buffer.from(JSON.stringify({ process: self, holdings } satisfies Told)));
    } catch {
      // The channel has ended; the next one comes with the connection.
    }
  }

  function hear(content: Buffer): void {
    try {
      const { process, holdings } = JSON.parse(content.toString()) as Told;
      if (process !== self) others.set(process, { atMs: performance.now(), holdings });
    } catch {
      // Somebody else's message on our exchange says nothing about us.
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
      // A new name each time: the broker may not have noticed yet that the connection before is gone, and its queue with it.
      const queue = `${exchange}.${crypto.randomUUID()}`;
      const options = { exclusive: true, durable: false, arguments: { 'x-max-length': WAITING_MAX } };
      await channel.assertQueue(queue, options);
      await channel.bindQueue(queue, exchange, '');
      await channel.consume(queue, (message) => message && hear(message.content), { noAck: true });
    },

    detachSender() {
      sender = null;
    },

    holding(name) {
      const now = performance.now();
      for (const [process, { atMs }] of others) if (now - atMs > FORGET_AFTER_MS) others.delete(process);
      const theirs = [...others.values()].flatMap(({ holdings }) => holdings[name] ?? []);
      return sumOf([ownHolding(name), ...theirs]);
    },

    close() {
      clearInterval(timer);
    },
  };
}

export function sumOf(holdings: readonly Holding[]): Holding {
  const oldest = holdings.flatMap(({ oldestAt }) => oldestAt ?? []);
  const fronts = holdings.flatMap(({ frontAt }) => frontAt ?? []);
  return {
    unacknowledged: holdings.reduce((sum, { unacknowledged }) => sum + unacknowledged, 0),
    oldestAt: oldest.length === 0 ? null : Math.min(...oldest),
    frontAt: fronts.length === 0 ? null : Math.max(...fronts),
  };
}
