import type { AuditEntry, EarlierEntry, StoredAuditEntry } from '../../domain/audit-entry.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Database, Query } from './database.ts';

export const LOG = 'SELECT pulsecart_log($1)';
const READ = `SELECT id, at, actor, action, subject, reason, details FROM operations
  WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2`;
const EARLIER = `
  SELECT id, subject, fingerprint FROM operations WHERE id = $1
  UNION ALL SELECT id, subject, fingerprint FROM operations WHERE key = $2 LIMIT 1`;

/** What operators did. */
export function createAuditLog({ read, write }: Database): Pick<Ledger, 'log' | 'operations'> {
  return {
    async log(operation) {
      await write(LOG, [JSON.stringify(operation)]);
    },
    operations: (limit, before) => read<StoredAuditEntry>(READ, [before, limit]),
  };
}

/** What was done with this id or this key. */
export async function earlierOperation(query: Query, { id, key }: AuditEntry): Promise<EarlierEntry | null> {
  return (await query<EarlierEntry>(EARLIER, [id, key?.value]))[0] ?? null;
}
