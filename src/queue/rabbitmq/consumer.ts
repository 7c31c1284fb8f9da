import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { backoffMs } from '../../domain/backoff.ts';
import type { Clock } from '../../domain/clock.ts';
import { type Delivery, RETURN_DELAY_MS_MAX } from '../queue.ts';
import { endWith } from './connect.ts';
import { type Arrival, openArrival } from './envelope.ts';

/** Takes messages of one queue on whatever connection it is attached to. */
export interface RabbitConsumer {
  /** Begins to take messages on a new connection; what was held of an older one is forgotten, the broker sends it again. */
  attach(connection: ChannelModel): Promise<void>;
  detach(): void;
  readonly holding: () => Holding;
  close(): Promise<void>;
}

/** What a consumer, or a whole process, has of a queue. */
export interface Holding {
  readonly unacknowledged: number;
  /** When the oldest of them was published; null when there is none. */
  readonly oldestAt: number | null;
  /** What still waits in the queue was published after this moment; null when nothing is known about that. */
  readonly frontAt: number | null;
}

export interface ConsumerOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly maxItems: number;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly handle: (deliveries: Delivery[]) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
}

interface Held extends Arrival {
  readonly message: ConsumeMessage;
}

/** A channel and what came on it. Acknowledgements go to the channel that delivered, or nowhere. */
interface Session {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  readonly release: () => void;
  readonly consumerTag: string;
  /** Delivered and not settled, oldest first. */
  readonly held: Set<Held>;
  /** Those that no handler has yet. */
  arrived: Held[];
  readonly resting: Map<ReturnType<typeof setTimeout>, readonly Held[]>;
}

/** First pause of a returned delivery. */
const PAUSE_MS_FIRST = 20;

/** A consumer with room that got nothing for this long has emptied its queue. */
const EMPTY_AFTER_MS = 250;

export function createConsumer(options: ConsumerOptions): RabbitConsumer {
  const { queue, prefetch, maxItems, concurrency, clock, handle, onTrouble } = options;
  let session: Session | null = null;
  let handling = 0;
  let scheduled = false;
  let closing = false;
  let frontAt: number | null = null;
  let lastArrivalMs = 0;
  const ended = Promise.withResolvers<void>();

  async function attach(connection: ChannelModel): Promise<void> {
    if (closing) return;
    const channel = await connection.createChannel();
    const release = endWith(connection, channel);
    const held = new Set<Held>();
    const consumerTag = `${queue}-${crypto.randomUUID()}`;
    const opened: Session = {
      connection,
      channel,
      release,
      consumerTag,
      held,
      arrived: [],
      resting: new Map(),
    };
    await channel.prefetch(prefetch);
    session = opened;
    lastArrivalMs = performance.now();
    await channel.consume(
      queue,
      (message) => {
        if (session !== opened) return;
        // A null is the broker's word that the queue is gone; declaring it anew is the connection's business.
        if (message) arrive(opened, message);
        else void channel.close();
      },
      { consumerTag },
    );
  }

  function arrive(at: Session, message: ConsumeMessage): void {
    const arrival = { ...openArrival(message, clock()), message };
    at.held.add(arrival);
    at.arrived.push(arrival);
    frontAt = Math.max(frontAt ?? 0, arrival.publishedAt);
    lastArrivalMs = performance.now();
    schedule();
  }

  /** In a later turn, so that what arrives together is handled together. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (session && !closing && handling < concurrency && session.arrived.length > 0) {
        void deliver(session, takeBatch(session));
      }
      if (closing && handling === 0) ended.resolve();
    });
  }

  /** The oldest, first deliveries or later ones but not both. */
  function takeBatch({ arrived }: Session): Held[] {
    let items = 0;
    const end = arrived.findIndex((held, i) => {
      items += held.items;
      return i > 0 && (items > maxItems || held.redelivered !== arrived[0]!.redelivered);
    });
    return arrived.splice(0, end === -1 ? arrived.length : end);
  }

  async function deliver(from: Session, batch: Held[]): Promise<void> {
    handling++;
    try {
      await handle(batch);
      settle(from, batch, (message, all) => from.channel.ack(message, all));
    } catch (error) {
      onTrouble(error);
      rest(from, batch);
    }
    handling--;
    schedule();
  }

  /**
   * Not handled: kept here for a pause and then given back to the broker, which delivers it again, perhaps to another
   * process that can. Given back at once it would come back at once.
   */
  function rest(from: Session, batch: readonly Held[]): void {
    if (session !== from) return;
    const deliveries = Math.max(...batch.map((held) => held.deliveries));
    const pauseMs = backoffMs(deliveries, PAUSE_MS_FIRST, RETURN_DELAY_MS_MAX);
    const timer = setTimeout(() => {
      from.resting.delete(timer);
      giveBack(from, batch);
    }, pauseMs);
    from.resting.set(timer, batch);
  }

  function giveBack(from: Session, batch: readonly Held[]): void {
    settle(from, batch, (message, all) => from.channel.nack(message, all, true));
  }

  /** With one word for all when these are the oldest ones held, which "everything up to this one" is then. */
  function settle(from: Session, batch: readonly Held[], say: (last: ConsumeMessage, all: boolean) => void) {
    if (session !== from) return;
    try {
      if (areOldest(batch, from.held)) say(batch.at(-1)!.message, true);
      else for (const { message } of batch) say(message, false);
    } catch {
      // The channel has ended: the broker delivers again, as it does when an acknowledgement is lost on the way.
    }
    for (const held of batch) from.held.delete(held);
  }

  async function leave(from: Session): Promise<void> {
    for (const [timer, batch] of from.resting) {
      clearTimeout(timer);
      giveBack(from, batch);
    }
    from.release();
    // The channel's end gives back what nobody has handled, after the acknowledgements that were sent before.
    await from.channel.close().catch(() => {});
    if (session === from) session = null;
  }

  function isEmpty(): boolean {
    const hasRoom = session !== null && session.held.size < prefetch;
    return hasRoom && performance.now() - lastArrivalMs > EMPTY_AFTER_MS;
  }

  return {
    attach,

    detach() {
      for (const timer of session?.resting.keys() ?? []) clearTimeout(timer);
      session = null;
    },

    holding() {
      const held = session ? [...session.held] : [];
      return {
        unacknowledged: held.length,
        oldestAt: held.length === 0 ? null : Math.min(...held.map(({ publishedAt }) => publishedAt)),
        frontAt: isEmpty() ? clock() - EMPTY_AFTER_MS : frontAt,
      };
    },

    async close() {
      closing = true;
      await session?.channel.cancel(session.consumerTag).catch(() => {});
      schedule();
      await ended.promise;
      if (isEmpty()) frontAt = clock() - EMPTY_AFTER_MS;
      if (session) await leave(session);
    },
  };
}

function areOldest(batch: readonly Held[], held: ReadonlySet<Held>): boolean {
  let i = 0;
  for (const oldest of held) {
    if (i === batch.length) return true;
    if (oldest !== batch[i++]) return false;
  }
  return i === batch.length;
}
