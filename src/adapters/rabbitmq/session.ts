import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { RETURN_DELAY_MS_MAX } from '../../ports/queue.ts';
import { endWith } from './connect.ts';
import { type Arrival, openArrival } from './envelope.ts';

/**
 * What one channel delivered and nobody has settled yet. Acknowledgements go to the channel that delivered, or nowhere: when
 * it has ended the broker delivers again.
 */
export interface Session {
  /** Not settled, oldest first. */
  readonly held: ReadonlySet<Held>;
  /** The oldest that nobody has taken yet, up to `maxItems`, first deliveries or later ones but not both. */
  take(maxItems: number): Held[];
  acknowledge(batch: readonly Held[]): void;
  /**
   * Not handled: kept here for a pause and then given back to the broker, which delivers it again, perhaps to another
   * process that can. Given back at once it would come back at once.
   */
  giveBackLater(batch: readonly Held[]): void;
  /** No more deliveries. */
  cancel(): Promise<void>;
  /** Gives back what is held and ends the channel, after all acknowledgements that were sent before. */
  leave(): Promise<void>;
  /** The connection is gone. */
  forget(): void;
}

export interface Held extends Arrival {
  readonly message: ConsumeMessage;
}

export interface SessionOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly clock: Clock;
  readonly onArrival: (held: Held) => void;
}

/** First pause of a returned delivery. */
const PAUSE_MS_FIRST = 20;

export async function openSession(
  connection: ChannelModel,
  { queue, prefetch, clock, onArrival }: SessionOptions,
): Promise<Session> {
  const channel = await connection.createChannel();
  const letGo = endWith(connection, channel);
  const held = new Set<Held>();
  const arrived: Held[] = [];
  const resting = new Map<ReturnType<typeof setTimeout>, readonly Held[]>();
  let isOver = false;

  await channel.prefetch(prefetch);
  const { consumerTag } = await channel.consume(queue, (message) => {
    // A null is the broker's word that the queue is gone; declaring it anew is the connection's business.
    if (message) arrive({ ...openArrival(message, clock()), message });
    else void channel.close().catch(() => {});
  });

  function arrive(one: Held): void {
    held.add(one);
    arrived.push(one);
    onArrival(one);
  }

  /** With one word for all when these are the oldest ones held, which "everything up to this one" is then. */
  function settle(batch: readonly Held[], say: (last: ConsumeMessage, allUpToIt: boolean) => void): void {
    if (isOver) return;
    try {
      if (areOldest(batch, held)) say(batch.at(-1)!.message, true);
      else for (const { message } of batch) say(message, false);
    } catch {
      // The channel has ended: an acknowledgement that is lost on the way.
    }
    for (const one of batch) held.delete(one);
  }

  function giveBack(batch: readonly Held[]): void {
    settle(batch, (message, allUpToIt) => channel.nack(message, allUpToIt, true));
  }

  return {
    held,

    take(maxItems) {
      let items = 0;
      const end = arrived.findIndex((one, i) => {
        items += one.items;
        return i > 0 && (items > maxItems || one.redelivered !== arrived[0]!.redelivered);
      });
      return arrived.splice(0, end === -1 ? arrived.length : end);
    },

    acknowledge: (batch) => settle(batch, (message, allUpToIt) => channel.ack(message, allUpToIt)),

    giveBackLater(batch) {
      if (isOver) return;
      const deliveries = Math.max(...batch.map((one) => one.deliveries));
      const timer = setTimeout(
        () => {
          resting.delete(timer);
          giveBack(batch);
        },
        backoffMs(deliveries, PAUSE_MS_FIRST, RETURN_DELAY_MS_MAX),
      );
      resting.set(timer, batch);
    },

    async cancel() {
      await channel.cancel(consumerTag).catch(() => {});
    },

    async leave() {
      for (const timer of resting.keys()) clearTimeout(timer);
      letGo();
      await channel.close().catch(() => {});
      isOver = true;
    },

    forget() {
      isOver = true;
      for (const timer of resting.keys()) clearTimeout(timer);
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
