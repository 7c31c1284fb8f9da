import type { Database } from 'bun:sqlite';
import type { AuditEntry, EarlierEntry, StoredAuditEntry } from '../../../domain/audit-entry.ts';

type Row = Omit<StoredAuditEntry, 'details'> & { readonly details: string };

/** What operators did. `write` must run inside the transaction of what it writes down. */
export function createAuditLog(db: Database) {
  const insert = db.prepare(
    'INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const withIdOrKey = db.prepare<EarlierEntry, [string, string | null]>(
    `SELECT id, subject, fingerprint FROM audit_log WHERE id = ?1
     UNION ALL SELECT id, subject, fingerprint FROM audit_log WHERE key = ?2 LIMIT 1`,
  );
  const newest = db.prepare<Row, [string | null, number]>(
    `SELECT id, at, actor, action, subject, reason, details FROM audit_log WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2`,
  );

  return {
    /** False when it is there already, and was therefore done already. */
    write({ id, actor, action, subject, reason, details, key }: AuditEntry, now: number): boolean {
      const keyed = [key?.value ?? null, key?.fingerprint ?? null];
      const said = [actor, action, subject, reason, JSON.stringify(details)];
      return insert.run(id, now, ...said, ...keyed).changes === 1;
    },

    /** What was done with this id or this key. */
    earlier: ({ id, key }: AuditEntry): EarlierEntry | null => withIdOrKey.get(id, key?.value ?? null),

    read(limit: number, before: string | null): StoredAuditEntry[] {
      return newest.all(before, limit).map((row) => ({ ...row, details: JSON.parse(row.details) }));
    },
  };
}
