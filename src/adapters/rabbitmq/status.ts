import type { Channel, ChannelModel } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { within } from '../../lib/within.ts';
import { QUEUE_NAMES, type QueueName, type QueueStatus } from '../../ports/queue.ts';
import { coalesce } from './coalesce.ts';
import { endWith } from './connect.ts';
import type { ConsumerStats } from './consumer.ts';
import type { Topology } from './topology.ts';

export interface StatusOptions {
  readonly topology: Topology;
  readonly unacked: (name: QueueName) => ConsumerStats;
  readonly deadLetters: (name: QueueName, messages: number) => Promise<QueueStatus['deadLetters']>;
  readonly clock: Clock;
}

/** For some 20 requests, each answered in well under a millisecond unless the machine is overloaded. */
const STATUS_TIMEOUT_MS = 2_000;

/**
 * `ready` and `consumers` are the broker's own; `unacknowledged` is published by the consuming processes (ours is current,
 * others' at most 250 ms old); all of them are messages.
 *
 * `oldestAgeMs` is exact for unacknowledged messages. The broker does not show the age of ready ones without delivering
 * them; so with ready ones only it is an upper bound: since this process last saw the queue empty, a consumer anywhere
 * emptied it, or the last delivered message was published, whichever came last. A process that has only just started and
 * found a queue without consumers counts from its own start, which may be too short. Delayed messages are left out.
 */
export function createStatus({ topology, unacked, deadLetters, clock }: StatusOptions) {
  let channel: Channel | null = null;
  const openedAt = clock();
  const emptyAt = new Map<QueueName, number>();

  async function read(): Promise<QueueStatus[]> {
    if (!channel) throw new AppError('unavailable', 'There is no connection to RabbitMQ.');
    const open = channel;
    try {
      return await within(Promise.all(QUEUE_NAMES.map((name) => readOne(open, name))), STATUS_TIMEOUT_MS);
    } catch (error) {
      throw new AppError('unavailable', 'RabbitMQ does not report its queues.', { cause: error });
    }
  }

  async function readOne(open: Channel, name: QueueName): Promise<QueueStatus> {
    const askedAt = clock();
    const [work, dead, ...waits] = await Promise.all(
      [topology.work(name), topology.dead(name), ...topology.waits(name)].map((queue) =>
        open.checkQueue(queue),
      ),
    );
    const delayed = waits.reduce((sum, { messageCount }) => sum + messageCount, 0);
    if (work!.messageCount === 0) emptyAt.set(name, askedAt);
    const { unacknowledged, oldestAt, frontAt } = unacked(name);
    const readySince = Math.max(openedAt, emptyAt.get(name) ?? 0, frontAt ?? 0);
    const since = oldestAt ?? (work!.messageCount > 0 ? readySince : clock());
    return {
      name,
      unit: 'messages',
      ready: work!.messageCount + delayed,
      unacknowledged,
      consumers: work!.consumerCount,
      oldestAgeMs: Math.max(0, clock() - since),
      deadLetters: await deadLetters(name, dead!.messageCount),
    };
  }

  return {
    async attach(connection: ChannelModel): Promise<void> {
      const opened = await connection.createChannel();
      endWith(connection, opened);
      channel = opened;
    },
    detach(): void {
      channel = null;
    },
    read: coalesce(read),
  };
}
