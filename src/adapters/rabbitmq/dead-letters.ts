import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { within } from '../../lib/within.ts';
import type { DeadLetter, Message, QueueName, QueueStatus } from '../../ports/queue.ts';
import {
  LOCK_PATIENCE_MS,
  type ReadMessages,
  type ReadOptions,
  readQueue,
  SCAN_MAX,
} from './dead-letter-reader.ts';
import { type Outbound, readDeadLetter, toOutbound } from './envelope.ts';
import type { Topology } from './topology.ts';

export interface DeadLettersOptions {
  /** Throws AppError `unavailable` when there is none. */
  readonly connection: () => ChannelModel;
  readonly publish: (messages: readonly Outbound[]) => Promise<void>;
  readonly topology: Topology;
  readonly clock: Clock;
}

/**
 * Messages whose items are counted exactly; those after the first thousand count as one item each, which is what a worker
 * puts into them. Counting means reading the queue, so it is done only when the broker's count has changed.
 */
const COUNTED_MAX = 1_000;

/** A status request waits this long for another reader; then it gets the previous stats. */
const COUNT_PATIENCE_MS = 300;

/** Messages replayed together: bounds how many are published twice when a process dies. */
const REPLAY_TOGETHER_MAX = 500;

const OPERATION_TIMEOUT_MS = 30_000;

type DeadLetterStats = { readonly messages: number; readonly items: number; readonly oldestAt: number };

export function createDeadLetters({ connection, publish, topology, clock }: DeadLettersOptions) {
  const counted = new Map<QueueName, DeadLetterStats>();
  let last: Promise<unknown> = Promise.resolve();

  /** Sequential: the lock belongs to the connection as a whole. */
  function read<T>(
    name: QueueName,
    work: (read: ReadMessages) => Promise<T>,
    more: Partial<ReadOptions> = {},
  ): Promise<T> {
    const options = { queue: topology.dead(name), limit: SCAN_MAX, patienceMs: LOCK_PATIENCE_MS, ...more };
    const turn = last.then(async () => {
      try {
        return await within(readQueue(connection(), options, work), OPERATION_TIMEOUT_MS);
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw new AppError('unavailable', 'The dead letters cannot be looked at now.', { cause: error });
      }
    });
    last = turn.catch(() => {});
    return turn;
  }

  function count(name: QueueName): Promise<DeadLetterStats> {
    const options = { limit: COUNTED_MAX, patienceMs: COUNT_PATIENCE_MS };
    const now = clock();
    return read(
      name,
      async ({ messages, messageCount }) => {
        const deadLetters = messages.map((message) => readDeadLetter(message, now));
        const items = deadLetters.reduce((sum, { items }) => sum + items, 0);
        const oldestAt = Math.min(...deadLetters.map(({ deadAt }) => deadAt));
        return { messages: messageCount, items: items + messageCount - deadLetters.length, oldestAt };
      },
      options,
    );
  }

  return {
    add(name: QueueName, message: Message, cause: string): Promise<void> {
      const now = clock();
      return publish([toOutbound(topology.dead(name), message, now, { cause, deadAt: now })]);
    },

    oldest(name: QueueName, limit: number): Promise<DeadLetter[]> {
      const now = clock();
      return read(name, async ({ messages }) =>
        messages
          .map((message) => readDeadLetter(message, now))
          .sort(byAge)
          .slice(0, limit),
      );
    },

    /** A dead letter is acknowledged only after the broker confirmed its replay. */
    replay(name: QueueName, ids: readonly string[]): Promise<number> {
      return read(name, async ({ messages: all, acknowledge }) => {
        const { messages, found } = choose(all, ids);
        for (let i = 0; i < messages.length; i += REPLAY_TOGETHER_MAX) {
          const together = messages.slice(i, i + REPLAY_TOGETHER_MAX);
          await publish(
            together.map((message) =>
              toOutbound(topology.work(name), readDeadLetter(message, 0), clock(), { replayed: true }),
            ),
          );
          for (const message of together) acknowledge(message);
        }
        return found;
      });
    },

    discard(name: QueueName, ids: readonly string[]): Promise<number> {
      return read(name, async ({ messages: all, acknowledge }) => {
        const { messages, found } = choose(all, ids);
        for (const message of messages) acknowledge(message);
        return found;
      });
    },

    /** Of a queue in which the broker counts `messages`. */
    async stats(name: QueueName, messages: number): Promise<QueueStatus['deadLetters']> {
      const known = counted.get(name);
      let stats = known ?? { messages: 0, items: 0, oldestAt: 0 };
      if (stats.messages !== messages) {
        // Fewer than before may only mean that another process is reading; counting waits for that.
        stats = await count(name).catch(() => known ?? { messages, items: messages, oldestAt: clock() });
        counted.set(name, stats);
      }
      if (stats.items === 0) return { count: 0, oldestAgeMs: 0 };
      return { count: stats.items, oldestAgeMs: Math.max(0, clock() - stats.oldestAt) };
    },
  };
}

/** The messages with these ids, and how many of the ids exist: foreign messages with the same body share an id. */
function choose(all: readonly ConsumeMessage[], ids: readonly string[]) {
  const wanted = new Set(ids);
  const found = new Set<string>();
  const messages = all.filter((message) => {
    const { id } = readDeadLetter(message, 0);
    if (wanted.has(id)) found.add(id);
    return wanted.has(id);
  });
  return { messages, found: found.size };
}

/** Ids of one process rise, so they decide within a millisecond. */
function byAge(one: DeadLetter, other: DeadLetter): number {
  return one.deadAt - other.deadAt || (one.id < other.id ? -1 : 1);
}
