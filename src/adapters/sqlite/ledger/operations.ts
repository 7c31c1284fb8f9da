import type { Database } from 'bun:sqlite';
import type { AuditEntry, StoredAuditEntry } from '../../../domain/audit-entry.ts';

type Row = Omit<StoredAuditEntry, 'details'> & { readonly details: string };

interface Earlier {
  readonly id: string;
  readonly subject: string;
  readonly fingerprint: string | null;
}

/** What operators did. `write` must run inside the transaction of what it writes down. */
export function createAuditLog(db: Database) {
  const insert = db.prepare(
    'INSERT INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const earlier = db.prepare<Earlier, [string, string | null]>(
    `SELECT id, subject, fingerprint FROM operations WHERE id = ?1
     UNION ALL SELECT id, subject, fingerprint FROM operations WHERE key = ?2 LIMIT 1`,
  );
  const newest = db.prepare<Row, [string | null, number]>(
    `SELECT id, at, actor, action, subject, reason, details FROM operations WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2`,
  );

  return {
    /** False when it is there already, and was therefore done already. */
    write({ id, actor, action, subject, reason, details, key }: AuditEntry, now: number): boolean {
      const keyed = [key?.value ?? null, key?.fingerprint ?? null];
      const { changes } = insert.run(
        id,
        now,
        actor,
        action,
        subject,
        reason,
        JSON.stringify(details),
        ...keyed,
      );
      return changes === 1;
    },

    /** What was done with this id or this key, and whether it was the same; null when nothing was. */
    before({ id, key }: AuditEntry): { readonly subject: string; readonly same: boolean } | null {
      const done = earlier.get(id, key?.value ?? null);
      return done && { subject: done.subject, same: done.id === id || done.fingerprint === key?.fingerprint };
    },

    read(limit: number, before: string | null): StoredAuditEntry[] {
      return newest.all(before, limit).map((row) => ({ ...row, details: JSON.parse(row.details) }));
    },
  };
}
