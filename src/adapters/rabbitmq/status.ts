import type { Channel, ChannelModel } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { ConsumerStats, ConsumersByQueue } from '../../domain/process-stats.ts';
import { singleFlight } from '../../lib/single-flight.ts';
import { within } from '../../lib/within.ts';
import { QUEUE_NAMES, type QueueName, type QueueStatus } from '../../ports/queue.ts';
import { endWith } from './connect.ts';
import type { Topology } from './topology.ts';

export interface StatusOptions {
  readonly topology: Topology;
  /** What the consumers of this process hold. */
  readonly consumers: (name: QueueName) => ConsumerStats;
  readonly deadLetters: (name: QueueName, messages: number) => Promise<QueueStatus['deadLetters']>;
  readonly clock: Clock;
}

/** For some 20 requests, each answered in well under a millisecond unless the machine is overloaded. */
const STATUS_TIMEOUT_MS = 2_000;

/**
 * `ready` and `consumers` are the broker's own; `unacknowledged` is what the consumers say (ours as of now, others' as last told);
 * all of them are messages.
 *
 * `oldestAgeMs` is exact for unacknowledged messages. The broker does not show the age of ready ones without delivering
 * them; so with ready ones only it is an upper bound: since this process last saw the queue empty, a consumer anywhere
 * emptied it, or the last delivered message was published, whichever came last. A process that has only just started and
 * found a queue without consumers counts from its own start, which may be too short. Delayed messages are left out.
 */
export function createStatus({ topology, consumers, deadLetters, clock }: StatusOptions) {
  let channel: Channel | null = null;
  const openedAt = clock();
  const emptyAt = new Map<QueueName, number>();

  const ask = singleFlight(async () => {
    if (!channel) throw new AppError('unavailable', 'There is no connection to RabbitMQ.');
    const open = channel;
    try {
      return await within(Promise.all(QUEUE_NAMES.map((name) => askOne(open, name))), STATUS_TIMEOUT_MS);
    } catch (error) {
      throw new AppError('unavailable', 'RabbitMQ does not report its queues.', { cause: error });
    }
  });

  async function askOne(open: Channel, name: QueueName) {
    const askedAt = clock();
    const [work, dead, ...waits] = await Promise.all(
      [topology.work(name), topology.dead(name), ...topology.waits(name)].map((queue) =>
        open.checkQueue(queue),
      ),
    );
    const { messageCount, consumerCount } = work!;
    if (messageCount === 0) emptyAt.set(name, askedAt);
    return {
      name,
      due: messageCount,
      delayed: waits.reduce((sum, { messageCount }) => sum + messageCount, 0),
      consumers: consumerCount,
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
    async read(others: readonly ConsumersByQueue[] = []): Promise<QueueStatus[]> {
      return (await ask()).map(({ due, delayed, ...counts }) => {
        const { name } = counts;
        const told = others.flatMap((one) => one[name] ?? []);
        const known = sumOf([consumers(name), ...told]);
        const { unacknowledged, oldestAt, frontAt } = known;
        const silentConsumers = Math.max(0, counts.consumers - known.consumers);
        const readySince = Math.max(openedAt, emptyAt.get(name) ?? 0, frontAt ?? 0);
        const since = oldestAt ?? (due > 0 ? readySince : clock());
        const oldestAgeMs = Math.max(0, clock() - since);
        const ready = due + delayed;
        return { ...counts, unit: 'messages', ready, unacknowledged, silentConsumers, oldestAgeMs };
      });
    },
  };
}

export function sumOf(stats: readonly ConsumerStats[]): Required<ConsumerStats> {
  const oldest = stats.flatMap(({ oldestAt }) => oldestAt ?? []);
  const fronts = stats.flatMap(({ frontAt }) => frontAt ?? []);
  return {
    unacknowledged: stats.reduce((sum, { unacknowledged }) => sum + unacknowledged, 0),
    oldestAt: oldest.length === 0 ? null : Math.min(...oldest),
    frontAt: fronts.length === 0 ? null : Math.max(...fronts),
    consumers: stats.reduce((sum, { consumers = 0 }) => sum + consumers, 0),
  };
}
