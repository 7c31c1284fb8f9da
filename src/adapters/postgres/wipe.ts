import type { Client } from 'pg';
import { AppError } from '../../domain/errors.ts';
import { connect, type Place, placeOf } from './connection.ts';
import { openingError } from './failure.ts';
import { lockMigrations, migrationsUpTo, schemaVersion } from './migrate.ts';

/** A ledger that no process uses, to be deleted. */
export interface LedgerWipe {
  /** Host, port and name, without secrets. */
  readonly place: string;
  /** What would be deleted, counted; empty where PulseCart has made nothing. */
  contents(): Promise<{ readonly what: string; readonly count: number }[]>;
  productIds(): Promise<number[]>;
  /** Throws AppError `unusable_store` while a process holds a leader lease. */
  requireUnused(): Promise<void>;
  /** Drops what our migrations have made and nothing else, in one transaction. Throws like `requireUnused`. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

const COUNTED = [
  ['products', 'products'],
  ['orders', 'orders'],
  ['refused async purchases', 'outcomes'],
  ['idempotency keys', 'keys'],
  ['entries in the log of operators', 'audit_log'],
] as const;

/** For counting and dropping tables of many millions of rows. */
const STATEMENT_MS = 10 * 60_000;
/** A session that reads the tables for longer than this is reported, not waited for. */
const LOCK_MS = 5_000;

/** Throws AppError `unusable_store` for a role that may not drop the tables, before anything else is deleted. */
export async function openLedgerWipe(url: string): Promise<LedgerWipe> {
  const place = placeOf(url);
  const client = await connect(place, STATEMENT_MS);
  try {
    await requireOwner(client, place);
  } catch (error) {
    await client.end();
    throw openingError(error, place.name);
  }

  async function work<T>(steps: () => Promise<T>): Promise<T> {
    try {
      return await steps();
    } catch (error) {
      throw openingError(error, place.name);
    }
  }

  /** None where PulseCart never was, whatever tables others have there. */
  async function ourMigrations(): Promise<readonly string[]> {
    return migrationsUpTo(await schemaVersion(client), place.name);
  }

  async function requireUnused(): Promise<void> {
    if ((await schemaVersion(client)) === 0) return;
    const { rows } = await client.query<{ owner: string }>(
      'SELECT owner FROM leader_leases WHERE ends_at > pulsecart_now() LIMIT 1',
    );
    const [host, pid] = rows[0]?.owner.split(':') ?? [];
    if (host !== undefined) {
      throw new AppError(
        'unusable_store',
        `A PulseCart process (${pid} on ${host}) is using the PostgreSQL database ${place.name}. ` +
          'Stop all servers and workers; after a crash wait five seconds.',
      );
    }
  }

  return {
    place: place.name,
    contents: () =>
      work(async () => {
        const ours = new Set(namesOf('TABLE', await ourMigrations()));
        const counted = [];
        for (const [what, table] of COUNTED) {
          if (!ours.has(table)) continue;
          const { rows } = await client.query<{ n: number }>(`SELECT count(*)::float8 AS n FROM ${table}`);
          counted.push({ what, count: rows[0]!.n });
        }
        return counted;
      }),

    productIds: () =>
      work(async () => {
        if ((await schemaVersion(client)) === 0) return [];
        const { rows } = await client.query<{ id: number }>('SELECT id FROM products');
        return rows.map(({ id }) => Number(id));
      }),

    requireUnused: () => work(requireUnused),

    wipe: () =>
      work(async () => {
        await client.query('BEGIN');
        await client.query(`SET LOCAL lock_timeout = ${LOCK_MS}`);
        // A process that starts now waits, and then finds an empty database, as at a first start.
        await lockMigrations(client);
        const migrations = await ourMigrations();
        if (migrations.length > 0) {
          await client.query('LOCK TABLE leader_leases IN ACCESS EXCLUSIVE MODE');
          await requireUnused();
          for (const statement of await drops(client, migrations)) await client.query(statement);
        }
        await client.query('COMMIT');
      }),

    close: () => client.end(),
  };
}

async function requireOwner(client: Client, { name: place, schema }: Place): Promise<void> {
  const { rows } = await client.query<{ owned: boolean }>(
    `SELECT has_schema_privilege(n.oid, 'USAGE')
       AND (pg_has_role(c.relowner, 'USAGE') OR pg_has_role(n.nspowner, 'USAGE')) AS owned
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relname = 'pulsecart_schema' AND n.nspname = coalesce($1, current_schema())`,
    [schema],
  );
  if (rows[0]?.owned !== false) return;
  throw new AppError(
    'unusable_store',
    `The tables in the PostgreSQL database ${place} belong to another role: use the one that migrated them.`,
  );
}

/** Functions before the tables whose rows they take, and those before their types. No CASCADE: that would reach others'. */
async function drops(client: Client, migrations: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ signature: string }>(
    `SELECT oid::regprocedure::text AS signature FROM pg_proc
     WHERE pronamespace = current_schema()::regnamespace AND proname = ANY ($1)`,
    [namesOf('FUNCTION', migrations)],
  );
  return [
    ...TRIGGERS.map((trigger) => `DROP TRIGGER IF EXISTS ${trigger} ON orders`),
    ...rows.map(({ signature }) => `DROP FUNCTION ${signature}`),
    `DROP TABLE IF EXISTS ${namesOf('TABLE', migrations).join(', ')}`,
    ...namesOf('TYPE', migrations).map((type) => `DROP TYPE IF EXISTS ${type}`),
    'DROP TABLE pulsecart_schema',
  ];
}

/** They exist while webhooks have targets, and depend on functions. */
const TRIGGERS = ['pulsecart_webhooks_made', 'pulsecart_webhooks_moved'];

/** Of later migrations nothing is ours: another program may have a table of that name. */
function namesOf(kind: 'TABLE' | 'FUNCTION' | 'TYPE', migrations: readonly string[]): string[] {
  const names = migrations
    .join('\n')
    .matchAll(new RegExp(`^CREATE (?:OR REPLACE )?${kind} (?:IF NOT EXISTS )?(\\w+)`, 'gm'));
  return [...new Set([...names].map(([, name]) => name!))];
}
