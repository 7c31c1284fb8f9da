import type { AuditEntry, EarlierEntry, StoredAuditEntry } from '../../domain/audit-entry.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Database, Query } from './database.ts';

const LOG = `
  INSERT INTO operations (id, at, actor, action, subject, reason, details, key, fingerprint)
  VALUES ($1, pulsecart_now(), $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id`;
const READ = `SELECT id, at, actor, action, subject, reason, details FROM operations
  WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2`;
const EARLIER = `
  SELECT id, subject, fingerprint FROM operations WHERE id = $1
  UNION ALL SELECT id, subject, fingerprint FROM operations WHERE key = $2 LIMIT 1`;

/** What operators did. */
export function createAuditLog({ read, write }: Database): Pick<Ledger, 'log' | 'operations'> {
  return {
    async log(operation) {
      await writeOperation(write, operation);
    },
    operations: (limit, before) => read<StoredAuditEntry>(READ, [before, limit]),
  };
}

/** Writes an operation down; false where one of this id or this key is there already. */
export async function writeOperation(
  query: Query | Database['write'],
  { id, actor, action, subject, reason, details, key }: AuditEntry,
): Promise<boolean> {
  const said = [actor, action, subject, reason, JSON.stringify(details)];
  return (await query(LOG, [id, ...said, key?.value, key?.fingerprint])).length === 1;
}

/** What was done with this id or this key. */
export async function earlierOperation(query: Query, { id, key }: AuditEntry): Promise<EarlierEntry | null> {
  return (await query<EarlierEntry>(EARLIER, [id, key?.value]))[0] ?? null;
}
