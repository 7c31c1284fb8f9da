import type { Clock } from '../../../domain/clock.ts';
import type { Message, QueueName } from '../../../ports/queue.ts';
import type { Store } from '../store.ts';
import { createNotifier } from './notifier.ts';
import { createQueueStats } from './queue-stats.ts';
import type { Taken, Tick } from './taken.ts';

export type NamedQueue = ReturnType<typeof createNamedQueue>;

type Row = Omit<Taken, 'redelivered'> & { readonly availableAt: number };

/**
 * Messages of one queue name, in order of (available_at, id).
 *
 * The position before which every message was delivered or deleted is kept in memory. It only moves forward: messages
 * published or returned later have a later `available_at`, or the same and a higher id. A new process starts before all
 * messages, and so redelivers those that the old one had not acknowledged.
 */
export function createNamedQueue({ db, write }: Store, name: QueueName, now: Clock, nextId: () => number) {
  const insert = db.prepare<null, [number, QueueName, string, number, number, number, number]>(
    `INSERT INTO messages (id, queue, body, items, published_at, available_at, deliveries)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const next = db.prepare<Row, [QueueName, number, number, number, number]>(
    `SELECT id, body, items, deliveries, published_at AS publishedAt, available_at AS availableAt
     FROM messages WHERE queue = ? AND (available_at, id) > (?, ?) AND available_at <= ?
     ORDER BY available_at, id LIMIT ?`,
  );
  const nextDelayed = db.prepare<{ dueAt: number }, [QueueName, number, number]>(
    `SELECT available_at AS dueAt FROM messages WHERE queue = ? AND (available_at, id) > (?, ?)
     ORDER BY available_at, id LIMIT 1`,
  );
  const countDelivery = db.prepare<null, [string]>(
    'UPDATE messages SET deliveries = deliveries + 1 WHERE id IN (SELECT value FROM json_each(?))',
  );
  const forget = db.prepare<null, [string]>(
    'DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?))',
  );
  const delay = db.prepare<null, [number, number]>('UPDATE messages SET available_at = ? WHERE id = ?');

  const stats = createQueueStats(db, name, now);
  const notifier = createNotifier();
  let position = { availableAt: -1, id: 0 };

  /** The next due messages, first deliveries or later ones but not both. */
  function take(maxItems: number, at: number): Row[] {
    const rows = next.all(name, position.availableAt, position.id, at, stats.messagesWorth(maxItems));
    let items = 0;
    const end = rows.findIndex((row, i) => {
      items += row.items;
      return i > 0 && (items > maxItems || isAgain(row) !== isAgain(rows[0]!));
    });
    return end === -1 ? rows : rows.slice(0, end);
  }

  function commitTick({ acked, returned, maxItems }: Tick, at: number): Row[] {
    if (acked.length > 0) forget.run(idsOf(acked));
    for (const { message, delayMs } of returned) delay.run(at + delayMs, message.id);
    const rows = maxItems > 0 ? take(maxItems, at) : [];
    if (rows.length > 0) countDelivery.run(idsOf(rows));
    return rows;
  }

  return {
    notifier,

    /** Publishes all messages, and does `also`, in one transaction. */
    publish(
      messages: readonly Message[],
      { delayMs, deliveries = 0 }: PublishOptions,
      also = () => {},
    ): void {
      const at = now();
      stats.track(() =>
        write(() => {
          for (const { body, items } of messages) {
            insert.run(nextId(), name, body, items, at, at + delayMs, deliveries);
          }
          also();
        }),
      );
      stats.published(messages);
      notifier.notifyIn(delayMs);
    },

    /** One transaction, `work` included, so a consumer costs one sync of the disk per tick. */
    tick(tick: Tick, work = () => {}): Taken[] {
      const rows = stats.track(() =>
        write(() => {
          work();
          return commitTick(tick, now());
        }),
      );
      const last = rows.at(-1);
      if (last) position = { availableAt: last.availableAt, id: last.id };
      const taken = rows.map(asTaken);
      stats.moved(tick, taken);
      return taken;
    },

    /**
     * Notifies the consumers when the next message that was not due in the last tick becomes due, which may be now: time has
     * passed since that tick's query.
     */
    notifyWhenDue(): void {
      const dueAt = nextDelayed.get(name, position.availableAt, position.id)?.dueAt;
      if (dueAt !== undefined) notifier.notifyIn(dueAt - now());
    },

    stats: stats.read,
    close: notifier.close,
  };
}

interface PublishOptions {
  readonly delayMs: number;
  readonly deliveries?: number;
}

function asTaken({ availableAt: _, ...row }: Row): Taken {
  return { ...row, deliveries: row.deliveries + 1, redelivered: isAgain(row) };
}

function isAgain({ deliveries }: { readonly deliveries: number }): boolean {
  return deliveries > 0;
}

function idsOf(messages: readonly { readonly id: number }[]): string {
  return JSON.stringify(messages.map(({ id }) => id));
}
