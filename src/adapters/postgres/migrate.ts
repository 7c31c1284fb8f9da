import type { Client } from 'pg';
import { AppError } from '../../domain/errors.ts';
import type { Place } from './connection.ts';
import decide from './migrations/0001-decide.sql' with { type: 'text' };
import settle from './migrations/0001-settle.sql' with { type: 'text' };
import tables from './migrations/0001-tables.sql' with { type: 'text' };
import descriptions from './migrations/0002-descriptions.sql' with { type: 'text' };
import search from './migrations/0002-search.sql' with { type: 'text' };
import history from './migrations/0003-history.sql' with { type: 'text' };
import webhooks from './migrations/0005-webhooks.sql' with { type: 'text' };
import providerEvents from './migrations/0006-provider-events.sql' with { type: 'text' };

/** In order; none is edited once it has been released. */
export const MIGRATIONS: readonly string[] = [
  [tables, decide, settle].join('\n'),
  [descriptions, search].join('\n'),
  history,
  webhooks,
  providerEvents,
];
export const LATEST_SCHEMA = MIGRATIONS.length;

/** Any number, as long as it stays the same: the process that migrates holds this lock. */
const MIGRATION_LOCK = 7_405_114_121;

/** The migrations that made a schema of this version. Throws `unusable_store` for one that only a newer PulseCart knows. */
export function migrationsUpTo(version: number, place: string): readonly string[] {
  isCurrent(version, place);
  return MIGRATIONS.slice(0, version);
}

/**
 * Holds off other migrations until the transaction ends. Of the transaction and not of the session, because behind a
 * pooler there may be no session.
 */
export async function lockMigrations(client: Client): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
}

/**
 * Brings the schema up to date, in one transaction and by one process at a time: instances that start together wait for the
 * first. Throws AppError `unusable_store` for a schema that only a newer PulseCart knows.
 */
export async function migrate(
  client: Client,
  { name: place, schema }: Place,
  migrations = MIGRATIONS,
): Promise<void> {
  await requirePath(client, place, schema);
  if (isCurrent(await schemaVersion(client), place, migrations)) return;
  await client.query('BEGIN');
  await lockMigrations(client);
  if (schema !== null) await makeSchema(client, place, schema);
  // Before the version is read: to_regclass alone does not see the table of a session that this one has just waited for,
  // because a session hears of others' tables only when it locks one.
  await client.query('CREATE TABLE IF NOT EXISTS pulsecart_schema (version integer NOT NULL)');
  const version = await schemaVersion(client);
  if (!isCurrent(version, place, migrations)) {
    for (const migration of migrations.slice(version)) await client.query(migration);
    await client.query('DELETE FROM pulsecart_schema');
    await client.query('INSERT INTO pulsecart_schema VALUES ($1)', [migrations.length]);
  }
  await client.query('COMMIT');
}

/** A pooler may leave out what a client asks for, and then our tables would be made among those of others. */
async function requirePath(client: Client, place: string, schema: string | null): Promise<void> {
  const { rows } = await client.query<{ path: string }>("SELECT current_setting('search_path') AS path");
  const [first] = rows[0]!.path.split(',');
  if (schema === null || first!.replaceAll('"', '').trim() === schema) return;
  throw new AppError(
    'unusable_store',
    `The PostgreSQL database ${place} is reached through a pooler that leaves the schema open: ` +
      `let its connections SET search_path TO "${schema}" (pgbouncer: connect_query).`,
  );
}

async function makeSchema(client: Client, place: string, schema: string): Promise<void> {
  const { rows } = await client.query<{ usable: boolean | null; before: boolean; ours: boolean }>(
    `SELECT (SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1) AS usable,
       EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = 'pulsecart_schema') AS before,
       EXISTS (SELECT FROM pg_tables WHERE schemaname = $1 AND tablename = 'pulsecart_schema') AS ours`,
    [schema],
  );
  const { usable, before, ours } = rows[0]!;
  // Beside the tables of before, empty ones would look like a shop that has lost everything.
  if (before && !ours) {
    throw new AppError(
      'unusable_store',
      `The PostgreSQL database ${place} has the tables of an earlier PulseCart in the schema public. ` +
        `Stop all processes, then: ALTER SCHEMA public RENAME TO "${schema}"; CREATE SCHEMA public;`,
    );
  }
  if (usable === null) await client.query(`CREATE SCHEMA "${schema}"`);
  // PostgreSQL would say that there is no schema.
  if (usable === false) {
    const why = `permission denied for schema ${schema}`;
    throw new AppError('unusable_store', `The PostgreSQL database ${place} cannot be used: ${why}.`);
  }
}

/** Throws `unusable_store` unless the schema is exactly the one this program reads: an audit changes nothing. */
export async function requireSchema(client: Client, place: string, migrations = MIGRATIONS): Promise<void> {
  const version = await schemaVersion(client);
  if (isCurrent(version, place, migrations)) return;
  throw new AppError(
    'unusable_store',
    version === 0
      ? `There is no PulseCart data in the PostgreSQL database ${place}.`
      : `The PostgreSQL database ${place} has schema ${version}, older than this PulseCart's ${migrations.length}. ` +
          'Starting a server on it brings it up to date.',
  );
}

function isCurrent(version: number, place: string, { length: latest } = MIGRATIONS): boolean {
  if (version > latest) {
    throw new AppError(
      'unusable_store',
      `The PostgreSQL database ${place} has schema ${version}; this PulseCart knows schemas up to ` +
        `${latest}. Start the newer PulseCart that made it.`,
    );
  }
  return version === latest;
}

export async function schemaVersion(client: Client): Promise<number> {
  const { rows } = await client.query("SELECT to_regclass('pulsecart_schema') IS NOT NULL AS there");
  if (!rows[0].there) return 0;
  return (await client.query('SELECT max(version) AS version FROM pulsecart_schema')).rows[0].version ?? 0;
}
