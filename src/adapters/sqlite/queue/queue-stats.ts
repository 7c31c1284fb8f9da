import type { Database } from 'bun:sqlite';
import type { Clock } from '../../../domain/clock.ts';
import { isAppError } from '../../../domain/errors.ts';
import type { Message, QueueName, QueueStatus } from '../../../ports/queue.ts';
import type { Taken, Tick } from './taken.ts';

type Sums = { messages: number; items: number };

/**
 * Counts of one queue name, kept in memory so that a status costs the same at any queue length. They are read from the
 * table at start, and again after a commit of unknown outcome.
 */
export function createQueueStats(db: Database, name: QueueName, now: Clock) {
  const sum = db.prepare<Sums, [QueueName]>(
    'SELECT count(*) AS messages, coalesce(sum(items), 0) AS items FROM messages WHERE queue = ?',
  );
  // By id, which is the order of publishing; `oldestId` is the position of the scan, so that messages of other queues are
  // passed once.
  const oldest = db.prepare<{ id: number; publishedAt: number }, [number, QueueName]>(
    `SELECT id, published_at AS publishedAt FROM messages NOT INDEXED
     WHERE id >= ? AND queue = ? ORDER BY id LIMIT 1`,
  );
  let kept: Sums = sum.get(name)!;
  let keptIsKnown = true;
  let oldestId = 0;
  let takenItems = 0;

  /** Until another write succeeds, each status counts anew. */
  function current(): Sums {
    return keptIsKnown ? kept : sum.get(name)!;
  }

  function change(messages: number, items: number): void {
    kept = keptIsKnown ? { messages: kept.messages + messages, items: kept.items + items } : sum.get(name)!;
    keptIsKnown = true;
  }

  function oldestAgeMs(): number {
    if (current().messages === 0) return 0;
    const row = oldest.get(oldestId, name);
    if (!row) return 0;
    oldestId = row.id;
    return Math.max(0, now() - row.publishedAt);
  }

  return {
    /** Does a write; when its outcome is unknown, so are the counts. */
    track<T>(write: () => T): T {
      try {
        return write();
      } catch (error) {
        if (isAppError(error, 'outcome_unknown')) keptIsKnown = false;
        throw error;
      }
    },

    published(messages: readonly Message[]): void {
      change(messages.length, itemsOf(messages));
    },

    moved({ acked, returned }: Tick, taken: readonly Taken[]): void {
      change(-acked.length, -itemsOf(acked));
      takenItems += itemsOf(taken) - itemsOf(acked) - itemsOf(returned.map(({ message }) => message));
    },

    /** How many messages of average size carry `items` items, at least 1. Saves reading bodies that do not fit. */
    messagesWorth(items: number): number {
      return kept.items <= 0 ? items : Math.max(1, Math.ceil((items * kept.messages) / kept.items));
    },

    read(): Pick<QueueStatus, 'ready' | 'unacknowledged' | 'oldestAgeMs'> {
      return {
        ready: Math.max(0, current().items - takenItems),
        unacknowledged: takenItems,
        oldestAgeMs: oldestAgeMs(),
      };
    },
  };
}

function itemsOf(messages: readonly Message[]): number {
  return messages.reduce((items, message) => items + message.items, 0);
}
