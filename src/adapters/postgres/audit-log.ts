import type { AuditEntry, EarlierEntry, StoredAuditEntry } from '../../domain/audit-entry.ts';
import type { Housekeeping } from '../../ports/housekeeping.ts';
import type { Database, Query } from './database.ts';

export const LOG = 'SELECT pulsecart_log($1)';
const READ = `SELECT id, at, actor, action, subject, reason, details FROM audit_log
  WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2`;
const EARLIER = `
  SELECT id, subject, fingerprint FROM audit_log WHERE id = $1
  UNION ALL SELECT id, subject, fingerprint FROM audit_log WHERE key = $2 LIMIT 1`;

/** What operators did. */
export function createAuditLog({ read, write }: Database): Pick<Housekeeping, 'log' | 'auditLog'> {
  return {
    async log(entry) {
      await write(LOG, [JSON.stringify(entry)]);
    },
    auditLog: (limit, before) => read<StoredAuditEntry>(READ, [before, limit]),
  };
}

/** What was done with this id or this key. */
export async function earlierEntry(query: Query, { id, key }: AuditEntry): Promise<EarlierEntry | null> {
  return (await query<EarlierEntry>(EARLIER, [id, key?.value]))[0] ?? null;
}
