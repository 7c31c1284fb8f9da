import type { StoredAuditEntry } from '../../domain/audit-entry.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Database } from './database.ts';

const LOG = 'SELECT pulsecart_log($1)';
const READ = `SELECT id, at, actor, action, subject, reason, details FROM operations
  WHERE $1::uuid IS NULL OR id < $1::uuid ORDER BY id DESC LIMIT $2`;

/** What operators did. */
export function createAuditLog({ read, write }: Database): Pick<Ledger, 'log' | 'operations'> {
  return {
    async log(operation) {
      await write(LOG, [JSON.stringify(operation)]);
    },
    operations: (limit, before) => read<StoredAuditEntry>(READ, [before, limit]),
  };
}
