import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { within } from '../../lib/within.ts';
import type { DeadLetter, Message, QueueName, QueueStatus } from '../../ports/queue.ts';
import { type DeadQueue, LOCK_PATIENCE_MS, openDeadQueue, SCAN_MAX } from './dead-queue.ts';
import { openDeadLetter, type Parcel, parcel } from './envelope.ts';
import type { Topology } from './topology.ts';

export interface DeadLettersOptions {
  /** Throws AppError `unavailable` when there is none. */
  readonly connection: () => ChannelModel;
  readonly publish: (parcels: readonly Parcel[]) => Promise<void>;
  readonly topology: Topology;
  readonly clock: Clock;
}

/**
 * Letters whose items are counted one by one; of more, those after the first thousand count as one item each, which is
 * what a worker puts into them. Counting means looking into the queue, so it is done when the broker's count has changed.
 */
const COUNTED_MAX = 1_000;

/** For a status that somebody waits for: who else looks is soon done, or the figures of before have to do. */
const COUNT_PATIENCE_MS = 300;

/** Letters replayed together: bounds what is published and not yet forgotten as a letter when a process dies. */
const REPLAY_TOGETHER_MAX = 500;

const OPERATION_TIMEOUT_MS = 30_000;

type Figures = { readonly messages: number; readonly items: number; readonly oldestAt: number };

export function createDeadLetters({ connection, publish, topology, clock }: DeadLettersOptions) {
  const counted = new Map<QueueName, Figures>();
  let last: Promise<unknown> = Promise.resolve();

  /** One after the other: a connection has the lock as a whole. */
  function look<T>(name: QueueName, patienceMs: number, task: (queue: DeadQueue) => Promise<T>): Promise<T> {
    const options = { queue: topology.dead(name), patienceMs };
    const turn = last.then(async () => {
      try {
        return await within(openDeadQueue(connection(), options, task), OPERATION_TIMEOUT_MS);
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw new AppError('unavailable', 'The dead letters cannot be looked at now.', { cause: error });
      }
    });
    last = turn.catch(() => {});
    return turn;
  }

  /** Those of `ids` that exist; a stranger's letters with the same body share one id. */
  async function find(queue: DeadQueue, ids: readonly string[]): Promise<Map<string, ConsumeMessage[]>> {
    const wanted = new Set(ids);
    const found = new Map<string, ConsumeMessage[]>();
    let seen = 0;
    const search = (taken: readonly ConsumeMessage[]) => {
      for (; seen < taken.length; seen++) {
        const { id } = openDeadLetter(taken[seen]!, 0);
        if (wanted.has(id)) found.set(id, [...(found.get(id) ?? []), taken[seen]!]);
      }
      return found.size === wanted.size;
    };
    search(await queue.take(SCAN_MAX, search));
    return found;
  }

  async function count(name: QueueName, messages: number): Promise<Figures> {
    const letters = await look(name, COUNT_PATIENCE_MS, async (queue) => {
      const taken = await queue.take(Math.min(messages, COUNTED_MAX));
      return taken.map((message) => openDeadLetter(message, clock()));
    });
    const items = letters.reduce((sum, letter) => sum + letter.items, 0);
    const oldestAt = Math.min(...letters.map(({ deadAt }) => deadAt));
    return { messages, items: items + messages - letters.length, oldestAt };
  }

  return {
    add(name: QueueName, message: Message, cause: string): Promise<void> {
      const now = clock();
      return publish([parcel(topology.dead(name), message, now, { cause, deadAt: now })]);
    },

    oldest(name: QueueName, limit: number): Promise<DeadLetter[]> {
      return look(name, LOCK_PATIENCE_MS, async (queue) => {
        const taken = await queue.take(SCAN_MAX);
        const letters = taken.map((message) => openDeadLetter(message, clock()));
        return letters.sort(byAge).slice(0, limit);
      });
    },

    /** Each is forgotten as a letter only after the broker confirmed it as a message. */
    replay(name: QueueName, ids: readonly string[]): Promise<number> {
      return look(name, LOCK_PATIENCE_MS, async (queue) => {
        const found = await find(queue, ids);
        const letters = [...found.values()].flat();
        for (let i = 0; i < letters.length; i += REPLAY_TOGETHER_MAX) {
          const together = letters.slice(i, i + REPLAY_TOGETHER_MAX);
          await publish(
            together.map((letter) =>
              parcel(topology.work(name), openDeadLetter(letter, 0), clock(), { replayed: true }),
            ),
          );
          for (const letter of together) queue.acknowledge(letter);
        }
        return found.size;
      });
    },

    discard(name: QueueName, ids: readonly string[]): Promise<number> {
      return look(name, LOCK_PATIENCE_MS, async (queue) => {
        const found = await find(queue, ids);
        for (const letter of [...found.values()].flat()) queue.acknowledge(letter);
        return found.size;
      });
    },

    /** Of a queue in which the broker counts `messages`. */
    async figures(name: QueueName, messages: number): Promise<QueueStatus['deadLetters']> {
      const known = counted.get(name);
      let figures = known ?? { messages: 0, items: 0, oldestAt: 0 };
      if (figures.messages !== messages) {
        // Fewer than before may also mean that somebody is looking; counting waits for that.
        figures = await count(name, messages).catch(
          () => known ?? { messages, items: messages, oldestAt: clock() },
        );
        counted.set(name, figures);
      }
      if (figures.items === 0) return { count: 0, oldestAgeMs: 0 };
      return { count: figures.items, oldestAgeMs: Math.max(0, clock() - figures.oldestAt) };
    },
  };
}

/** Ids of one process rise, so they decide within a millisecond. */
function byAge(one: DeadLetter, other: DeadLetter): number {
  return one.deadAt - other.deadAt || (one.id < other.id ? -1 : 1);
}
