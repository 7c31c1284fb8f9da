import type { ChannelModel } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import type { Delivery } from '../../ports/queue.ts';
import { openSession, type Session } from './session.ts';

/** Takes messages of one queue on whatever connection it is attached to. */
export interface RabbitConsumer {
  /** Begins to take messages on a new connection. */
  attach(connection: ChannelModel): Promise<void>;
  /** The connection is gone; what was held of it comes again. Handlers under way go on. */
  detach(): void;
  holding(): Holding;
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
  /** Messages that the broker hands over before the first of them is settled. */
  readonly prefetch: number;
  readonly maxItems: number;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly handle: (deliveries: Delivery[]) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
}

/** A consumer with room that got nothing for this long has emptied its queue. */
const EMPTY_AFTER_MS = 250;

export function createConsumer(options: ConsumerOptions): RabbitConsumer {
  const { queue, prefetch, maxItems, concurrency, clock, handle, onTrouble } = options;
  let session: Session | null = null;
  let handling = 0;
  let scheduled = false;
  let closing = false;
  let newestAt: number | null = null;
  let lastArrivalMs = 0;
  const ended = Promise.withResolvers<void>();

  /** In a later turn, so that what arrives together is handled together. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (session && !closing && handling < concurrency) {
        const batch = session.take(maxItems);
        if (batch.length === 0) break;
        void deliver(session, batch);
      }
      if (closing && handling === 0) ended.resolve();
    });
  }

  async function deliver(from: Session, batch: ReturnType<Session['take']>): Promise<void> {
    handling++;
    try {
      await handle(batch);
      from.acknowledge(batch);
    } catch (error) {
      onTrouble(error);
      from.giveBackLater(batch);
    }
    handling--;
    schedule();
  }

  function frontAt(): number | null {
    const hasRoom = session !== null && session.held.size < prefetch;
    const isEmpty = hasRoom && performance.now() - lastArrivalMs > EMPTY_AFTER_MS;
    if (isEmpty) newestAt = Math.max(newestAt ?? 0, clock() - EMPTY_AFTER_MS);
    return newestAt;
  }

  return {
    async attach(connection) {
      if (closing) return;
      lastArrivalMs = performance.now();
      const opened = await openSession(connection, {
        queue,
        prefetch,
        clock,
        onArrival({ publishedAt }) {
          newestAt = Math.max(newestAt ?? 0, publishedAt);
          lastArrivalMs = performance.now();
          schedule();
        },
      });
      if (closing) await opened.leave();
      else session = opened;
    },

    detach() {
      session?.forget();
      session = null;
    },

    holding() {
      const held = session ? [...session.held] : [];
      return {
        unacknowledged: held.length,
        oldestAt: held.length === 0 ? null : Math.min(...held.map(({ publishedAt }) => publishedAt)),
        frontAt: frontAt(),
      };
    },

    async close() {
      closing = true;
      await session?.cancel();
      schedule();
      await ended.promise;
      frontAt();
      await session?.leave();
      session = null;
    },
  };
}
