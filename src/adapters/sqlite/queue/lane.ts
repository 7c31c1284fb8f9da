import type { Clock } from '../../../domain/clock.ts';
import type { Delivery, Message, QueueName } from '../../../ports/queue.ts';
import type { Store } from '../store.ts';
import { createLaneFigures } from './lane-figures.ts';
import { createWaker } from './waker.ts';

/** A message handed to a consumer. */
export interface Taken extends Delivery {
  readonly id: number;
  /** How often it was handed out, this time included. */
  readonly deliveries: number;
}

/** What one round of a consumer commits together. */
export interface Round {
  /** Handled; to be forgotten. */
  readonly acked: readonly Taken[];
  /** Not handled; to come again after a pause. */
  readonly returned: readonly { readonly message: Taken; readonly delayMs: number }[];
  /** Most items to take; 0 takes nothing. */
  readonly maxItems: number;
}

export type Lane = ReturnType<typeof createLane>;

type Row = Omit<Taken, 'redelivered'> & { readonly availableAt: number };

/**
 * Messages of one queue name, in order of (available_at, id).
 *
 * The position behind which everything is under way or gone is kept in memory. It only moves forward: what is published or
 * returned later has a later `available_at`, or the same and a higher id. A new process starts before all messages, and
 * so delivers again what the old one had under way.
 */
export function createLane({ db, write }: Store, name: QueueName, now: Clock, nextId: () => number) {
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

  const figures = createLaneFigures(db, name, now);
  const waker = createWaker();
  let position = { availableAt: -1, id: 0 };

  /** The next due messages, first deliveries or later ones but not both. */
  function take(maxItems: number, at: number): Row[] {
    const rows = next.all(name, position.availableAt, position.id, at, figures.messagesWorth(maxItems));
    let items = 0;
    const end = rows.findIndex((row, i) => {
      items += row.items;
      return i > 0 && (items > maxItems || isAgain(row) !== isAgain(rows[0]!));
    });
    return end === -1 ? rows : rows.slice(0, end);
  }

  function commitRound({ acked, returned, maxItems }: Round, at: number): Row[] {
    if (acked.length > 0) forget.run(idsOf(acked));
    for (const { message, delayMs } of returned) delay.run(at + delayMs, message.id);
    const rows = maxItems > 0 ? take(maxItems, at) : [];
    if (rows.length > 0) countDelivery.run(idsOf(rows));
    return rows;
  }

  return {
    waker,

    /** Publishes all messages, and does `also`, in one transaction. */
    publish(
      messages: readonly Message[],
      { delayMs, deliveries = 0 }: PublishOptions,
      also = () => {},
    ): void {
      const at = now();
      figures.guard(() =>
        write(() => {
          for (const { body, items } of messages) {
            insert.run(nextId(), name, body, items, at, at + delayMs, deliveries);
          }
          also();
        }),
      );
      figures.published(messages);
      waker.wakeIn(delayMs);
    },

    /** One transaction, so a consumer costs one sync of the disk per round. */
    round(round: Round): Taken[] {
      const rows = figures.guard(() => write(() => commitRound(round, now())));
      const last = rows.at(-1);
      if (last) position = { availableAt: last.availableAt, id: last.id };
      const taken = rows.map(asTaken);
      figures.moved(round, taken);
      return taken;
    },

    /**
     * Wakes the consumers when the next message that was not due in the last round becomes due. It may be by now: a moment has
     * passed since that round looked.
     */
    wakeWhenDue(): void {
      const dueAt = nextDelayed.get(name, position.availableAt, position.id)?.dueAt;
      if (dueAt !== undefined) waker.wakeIn(dueAt - now());
    },

    figures: figures.read,
    close: waker.close,
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
