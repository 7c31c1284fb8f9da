import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import { type Consumer, QUEUE_NAMES, type Queue, type QueueName } from '../../ports/queue.ts';
import { type Prepare, startConsumer } from './queue/consumer.ts';
import { createDeadLetters } from './queue/dead-letters.ts';
import { createNamedQueue } from './queue/named-queue.ts';
import { steadyClock } from './queue/steady-clock.ts';
import type { Store } from './store.ts';

export interface SqliteQueue extends Queue {
  /** With `prepare`, batches may be worked on in the commit that acknowledges them, instead of by the handler. */
  consume(...args: [...Parameters<Queue['consume']>, prepare?: Prepare]): Promise<Consumer>;
}

/**
 * The embedded queue: tables in the ledger's own file, for one process. Because no other process consumes, deliveries in
 * progress are kept in memory, consumers are notified instead of polling, and stats are counted instead of queried.
 *
 * `onTrouble` receives the errors that are retried here and reach no caller: a store that cannot take or acknowledge, and
 * handlers that rejected.
 */
export function openSqliteQueue(
  store: Store,
  clock: Clock,
  onTrouble: (error: unknown) => void = () => {},
): SqliteQueue {
  const newest = store.db
    .query<{ id: number; publishedAt: number }, []>(
      'SELECT id, published_at AS publishedAt FROM messages ORDER BY id DESC LIMIT 1',
    )
    .get();
  const now = steadyClock(clock, newest?.publishedAt ?? 0);
  // Ids are assigned here, not by SQLite, which would reuse the id of a deleted message.
  let lastId = newest?.id ?? 0;
  const nextId = () => ++lastId;

  const queues = new Map(QUEUE_NAMES.map((name) => [name, createNamedQueue(store, name, now, nextId)]));
  const deadLetters = createDeadLetters(store, now);
  const consumers = new Map<Consumer, QueueName>();
  let closed = false;

  function openQueue(name: QueueName) {
    if (closed) throw new AppError('unavailable', 'The queue is closed.');
    return queues.get(name)!;
  }

  return {
    async publish(name, messages, { delayMs = 0 } = {}) {
      openQueue(name).publish(messages, { delayMs });
    },

    async consume(name, options, handle, prepare) {
      const running = startConsumer(openQueue(name), options, handle, onTrouble, prepare);
      const consumer: Consumer = {
        async close() {
          await running.close();
          consumers.delete(consumer);
        },
      };
      consumers.set(consumer, name);
      return consumer;
    },

    async deadLetter(name, message, cause) {
      deadLetters.add(name, message, cause);
    },

    async deadLetters(name, limit) {
      return deadLetters.oldest(name, limit);
    },

    async replay(name, ids) {
      const dead = deadLetters.find(name, ids);
      // An earlier delivery may have been handled in part, so the new one is marked.
      openQueue(name).publish(dead, { delayMs: 0, deliveries: 1 }, () => deadLetters.remove(dead));
      return dead.length;
    },

    async discard(name, ids) {
      const dead = deadLetters.find(name, ids);
      store.write(() => deadLetters.remove(dead));
      return dead.length;
    },

    async status() {
      return QUEUE_NAMES.map((name) => ({
        name,
        unit: 'items' as const,
        ...queues.get(name)!.stats(),
        consumers: [...consumers.values()].filter((of) => of === name).length,
        deadLetters: deadLetters.stats(name),
      }));
    },

    async ping() {
      if (closed) throw new AppError('unavailable', 'The queue is closed.');
      store.probe();
    },

    async close() {
      await Promise.all([...consumers.keys()].map((consumer) => consumer.close()));
      closed = true;
      for (const each of queues.values()) each.close();
    },
  };
}
