import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { RETURN_DELAY_MS_MAX } from '../../ports/queue.ts';
import { endWith } from './connect.ts';
import { type Inbound, readInbound } from './envelope.ts';

/**
 * Unacknowledged deliveries of one channel. Acknowledgements go to the channel that delivered, or are dropped: when it has
 * ended the broker delivers again.
 */
export interface ChannelConsumer {
  /** Oldest first. */
  readonly unacked: ReadonlySet<Unacked>;
  /** Takes the oldest untaken ones, up to `maxItems`, first deliveries or later ones but not both. */
  take(maxItems: number): Unacked[];
  acknowledge(batch: readonly Unacked[]): void;
  /**
   * Not handled: kept here for a pause and then requeued at the broker, which delivers it again, perhaps to another process
   * that can handle it. Requeued at once it would be redelivered at once.
   */
  giveBackLater(batch: readonly Unacked[]): void;
  /** Stops deliveries. */
  cancel(): Promise<void>;
  /** Requeues unacknowledged messages and ends the channel, after all acknowledgements that were sent before. */
  leave(): Promise<void>;
  /** The connection was lost. */
  forget(): void;
}

export interface Unacked extends Inbound {
  readonly message: ConsumeMessage;
}

export interface ChannelConsumerOptions {
  readonly queue: string;
  readonly prefetch: number;
  readonly clock: Clock;
  readonly onInbound: (unacked: Unacked) => void;
}

/** First pause of a returned delivery. */
const PAUSE_MS_FIRST = 20;

export async function openChannelConsumer(
  connection: ChannelModel,
  { queue, prefetch, clock, onInbound }: ChannelConsumerOptions,
): Promise<ChannelConsumer> {
  const channel = await connection.createChannel();
  const letGo = endWith(connection, channel);
  const unacked = new Set<Unacked>();
  const arrived: Unacked[] = [];
  const resting = new Map<ReturnType<typeof setTimeout>, readonly Unacked[]>();
  let isOver = false;

  await channel.prefetch(prefetch);
  const { consumerTag } = await channel.consume(queue, (message) => {
    // Null means that the queue was deleted; the connection declares it again.
    if (message) arrive({ ...readInbound(message, clock()), message });
    else void channel.close().catch(() => {});
  });

  function arrive(one: Unacked): void {
    unacked.add(one);
    arrived.push(one);
    onInbound(one);
  }

  /** Acknowledges with one `multiple` frame when these are the oldest unacknowledged ones. */
  function settle(batch: readonly Unacked[], say: (last: ConsumeMessage, allUpToIt: boolean) => void): void {
    if (isOver) return;
    try {
      if (areOldest(batch, unacked)) say(batch.at(-1)!.message, true);
      else for (const { message } of batch) say(message, false);
    } catch {
      // The channel has ended, which equals a lost acknowledgement.
    }
    for (const one of batch) unacked.delete(one);
  }

  function giveBack(batch: readonly Unacked[]): void {
    settle(batch, (message, allUpToIt) => channel.nack(message, allUpToIt, true));
  }

  return {
    unacked,

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

function areOldest(batch: readonly Unacked[], unacked: ReadonlySet<Unacked>): boolean {
  let i = 0;
  for (const oldest of unacked) {
    if (i === batch.length) return true;
    if (oldest !== batch[i++]) return false;
  }
  return i === batch.length;
}
