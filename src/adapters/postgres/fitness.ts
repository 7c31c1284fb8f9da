import type { Client } from 'pg';
import { AppError } from '../../domain/errors.ts';

const OLDEST = 15;

interface Server {
  readonly version: number;
  readonly encoding: string;
  readonly isolation: string;
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly standby: boolean;
}

/** Throws AppError `unusable_store` for a server on which what we promise would not hold. */
export async function requireFitness(
  client: Client,
  place: string,
  allowUnsafeDurability: boolean,
): Promise<void> {
  const { rows } = await client.query<Server>(`
    SELECT current_setting('server_version_num')::integer / 10000 AS version,
      current_setting('server_encoding') AS encoding,
      current_setting('default_transaction_isolation') AS isolation,
      current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS "synchronousCommit",
      pg_is_in_recovery() AS standby`);
  const reason = unfitness(rows[0]!, allowUnsafeDurability);
  if (reason)
    throw new AppError('unusable_store', `The PostgreSQL database ${place} cannot be used: ${reason}.`);
}

export function unfitness(server: Server, allowUnsafeDurability: boolean): string | null {
  if (server.version < OLDEST)
    return `it is version ${server.version}, and PulseCart needs ${OLDEST} or newer`;
  if (server.encoding !== 'UTF8')
    return `its encoding is ${server.encoding}, and customers may have any name (UTF8)`;
  // Our statements take their locks first and then look again, which only this level lets them.
  if (server.isolation !== 'read committed') {
    return `default_transaction_isolation is '${server.isolation}', and PulseCart works with 'read committed'`;
  }
  if (server.standby) return 'it is a standby, which takes no orders';
  if (allowUnsafeDurability) return null;
  for (const [name, value] of [
    ['fsync', server.fsync],
    ['synchronous_commit', server.synchronousCommit],
  ]) {
    if (value === 'off')
      return `${name} is off, so that a crash would lose orders that buyers were told they have`;
  }
  return null;
}
