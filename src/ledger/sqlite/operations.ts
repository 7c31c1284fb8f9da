import type { Database } from 'bun:sqlite';
import type { LoggedOperation, Operation } from '../../domain/operation.ts';

type Row = Omit<LoggedOperation, 'details'> & { readonly details: string };

/** What operators did. `write` must run inside the transaction of what it writes down. */
export function createOperations(db: Database) {
  const insert = db.prepare('INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const subject = db.prepare<{ subject: string }, [string]>('SELECT subject FROM operations WHERE id = ?');
  const newest = db.prepare<Row, [string | null, number]>(
    `SELECT * FROM operations WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2`,
  );

  return {
    /** False when it is there already, and was therefore done already. */
    write({ id, actor, action, subject, reason, details }: Operation, now: number): boolean {
      return insert.run(id, now, actor, action, subject, reason, JSON.stringify(details)).changes === 1;
    },

    /** What this operation was done to; null when it was not done. */
    subjectOf: (id: string): string | null => subject.get(id)?.subject ?? null,

    read(limit: number, before: string | null): LoggedOperation[] {
      return newest.all(before, limit).map((row) => ({ ...row, details: JSON.parse(row.details) }));
    },
  };
}
