import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { within } from '../../lib/within.ts';
import type { DeadLetter, Message, QueueName, QueueStatus } from '../../ports/queue.ts';
import {
  type DeadLetterReader,
  LOCK_PATIENCE_MS,
  SCAN_MAX,
  withDeadLetterReader,
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
  function look<T>(
    name: QueueName,
    patienceMs: number,
    task: (reader: DeadLetterReader) => Promise<T>,
  ): Promise<T> {
    const options = { queue: topology.dead(name), patienceMs };
    const turn = last.then(async () => {
      try {
        return await within(withDeadLetterReader(connection(), options, task), OPERATION_TIMEOUT_MS);
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw new AppError('unavailable', 'The dead letters cannot be looked at now.', { cause: error });
      }
    });
    last = turn.catch(() => {});
    return turn;
  }

  /** Those of `ids` that exist; foreign messages with the same body share one id. */
  async function find(
    reader: DeadLetterReader,
    ids: readonly string[],
  ): Promise<Map<string, ConsumeMessage[]>> {
    const wanted = new Set(ids);
    const found = new Map<string, ConsumeMessage[]>();
    let seen = 0;
    const search = (taken: readonly ConsumeMessage[]) => {
      for (; seen < taken.length; seen++) {
        const { id } = readDeadLetter(taken[seen]!, 0);
        if (wanted.has(id)) found.set(id, [...(found.get(id) ?? []), taken[seen]!]);
      }
      return found.size === wanted.size;
    };
    search(await reader.take(SCAN_MAX, search));
    return found;
  }

  async function count(name: QueueName, messages: number): Promise<DeadLetterStats> {
    const deadLetters = await look(name, COUNT_PATIENCE_MS, async (reader) => {
      const taken = await reader.take(Math.min(messages, COUNTED_MAX));
      return taken.map((message) => readDeadLetter(message, clock()));
    });
    const items = deadLetters.reduce((sum, { items }) => sum + items, 0);
    const oldestAt = Math.min(...deadLetters.map(({ deadAt }) => deadAt));
    return { messages, items: items + messages - deadLetters.length, oldestAt };
  }

  return {
    add(name: QueueName, message: Message, cause: string): Promise<void> {
      const now = clock();
      return publish([toOutbound(topology.dead(name), message, now, { cause, deadAt: now })]);
    },

    oldest(name: QueueName, limit: number): Promise<DeadLetter[]> {
      return look(name, LOCK_PATIENCE_MS, async (reader) => {
        const taken = await reader.take(SCAN_MAX);
        const deadLetters = taken.map((message) => readDeadLetter(message, clock()));
        return deadLetters.sort(byAge).slice(0, limit);
      });
    },

    /** A dead letter is acknowledged only after the broker confirmed its replay. */
    replay(name: QueueName, ids: readonly string[]): Promise<number> {
      return look(name, LOCK_PATIENCE_MS, async (reader) => {
        const found = await find(reader, ids);
        const messages = [...found.values()].flat();
        for (let i = 0; i < messages.length; i += REPLAY_TOGETHER_MAX) {
          const together = messages.slice(i, i + REPLAY_TOGETHER_MAX);
          await publish(
            together.map((message) =>
              toOutbound(topology.work(name), readDeadLetter(message, 0), clock(), { replayed: true }),
            ),
          );
          for (const message of together) reader.acknowledge(message);
        }
        return found.size;
      });
    },

    discard(name: QueueName, ids: readonly string[]): Promise<number> {
      return look(name, LOCK_PATIENCE_MS, async (reader) => {
        const found = await find(reader, ids);
        for (const message of [...found.values()].flat()) reader.acknowledge(message);
        return found.size;
      });
    },

    /** Of a queue in which the broker counts `messages`. */
    async stats(name: QueueName, messages: number): Promise<QueueStatus['deadLetters']> {
      const known = counted.get(name);
      let stats = known ?? { messages: 0, items: 0, oldestAt: 0 };
      if (stats.messages !== messages) {
        // Fewer than before may also mean that another process is reading; counting waits for that.
        stats = await count(name, messages).catch(
          () => known ?? { messages, items: messages, oldestAt: clock() },
        );
        counted.set(name, stats);
      }
      if (stats.items === 0) return { count: 0, oldestAgeMs: 0 };
      return { count: stats.items, oldestAgeMs: Math.max(0, clock() - stats.oldestAt) };
    },
  };
}

/** Ids of one process rise, so they decide within a millisecond. */
function byAge(one: DeadLetter, other: DeadLetter): number {
  return one.deadAt - other.deadAt || (one.id < other.id ? -1 : 1);
}
