import type { Clock } from '../../../domain/clock.ts';
import type { DeadLetter, Message, QueueName, QueueStatus } from '../../../ports/queue.ts';
import type { Store } from '../store.ts';

type Row = Omit<DeadLetter, 'id'> & { readonly id: number };

const COLUMNS = 'id, body, items, cause, dead_at AS deadAt';

/** There are few dead letters, so they are queried, not counted in memory. */
export function createDeadLetters({ db, write }: Store, now: Clock) {
  const insert = db.prepare<null, [QueueName, string, number, string, number]>(
    'INSERT INTO dead_letters (queue, body, items, cause, dead_at) VALUES (?, ?, ?, ?, ?)',
  );
  const oldest = db.prepare<Row, [QueueName, number]>(
    `SELECT ${COLUMNS} FROM dead_letters WHERE queue = ? ORDER BY id LIMIT ?`,
  );
  const one = db.prepare<Row, [QueueName, number]>(
    `SELECT ${COLUMNS} FROM dead_letters WHERE queue = ? AND id = ?`,
  );
  const remove = db.prepare<null, [string]>('DELETE FROM dead_letters WHERE id = ?');
  const sums = db.prepare<{ count: number; oldestAt: number }, [QueueName]>(
    'SELECT coalesce(sum(items), 0) AS count, min(dead_at) AS oldestAt FROM dead_letters WHERE queue = ?',
  );

  return {
    add(name: QueueName, { body, items }: Message, cause: string): void {
      write(() => insert.run(name, body, items, cause, now()));
    },

    oldest(name: QueueName, limit: number): DeadLetter[] {
      return oldest.all(name, limit).map((row) => ({ ...row, id: String(row.id) }));
    },

    /** Those of `ids` that exist, each once. */
    find(name: QueueName, ids: readonly string[]): DeadLetter[] {
      const numbers = new Set(ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number));
      return [...numbers].flatMap((id) => {
        const row = one.get(name, id);
        return row ? [{ ...row, id: String(row.id) }] : [];
      });
    },

    /** Within a transaction of the caller. */
    remove(deadLetters: readonly DeadLetter[]): void {
      for (const { id } of deadLetters) remove.run(id);
    },

    stats(name: QueueName): QueueStatus['deadLetters'] {
      const { count, oldestAt } = sums.get(name)!;
      return { count, oldestAgeMs: count === 0 ? 0 : Math.max(0, now() - oldestAt) };
    },
  };
}
