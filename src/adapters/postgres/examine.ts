import { connect, placeOf } from './connection.ts';
import { openingError } from './failure.ts';
import { requireFitness } from './fitness.ts';
import { LATEST_SCHEMA, migrate, schemaVersion } from './migrate.ts';

/** A database as it is found, without changing anything in it. */
export interface FoundDatabase {
  /** Host, port and name, without secrets. */
  readonly place: string;
  readonly serverVersion: string;
  /** 0: PulseCart has made no tables yet. */
  readonly schema: number;
  readonly latestSchema: number;
  /** How far its clock is ahead of this machine's. Sales open and close by the database's. */
  readonly clockAheadMs: number;
}

/** Looking is quick; a database that takes longer than this to say what it is cannot be worked with. */
const EXAMINE_MS = 5_000;
/** For rewriting tables of hundreds of millions of rows. */
const MIGRATE_MS = 12 * 3_600_000;

/** Rejects like `openPostgresLedger`, also for a server that no ledger should be on. */
export async function examineDatabase(url: string): Promise<FoundDatabase> {
  const place = placeOf(url);
  const client = await connect(place, EXAMINE_MS);
  try {
    await requireFitness(client, place.name, false);
    const askedAtMs = Date.now();
    const { rows } = await client.query<{ version: string; nowMs: number }>(
      `SELECT current_setting('server_version') AS version, extract(epoch FROM clock_timestamp())::float8 * 1000 AS "nowMs"`,
    );
    const halfWayMs = (askedAtMs + Date.now()) / 2;
    return {
      place: place.name,
      serverVersion: rows[0]!.version,
      schema: await schemaVersion(client),
      latestSchema: LATEST_SCHEMA,
      clockAheadMs: Math.round(rows[0]!.nowMs - halfWayMs),
    };
  } catch (error) {
    throw openingError(error, place.name);
  } finally {
    void client.end();
  }
}

/** Brings the schema up to date with all the patience that it takes. Rejects like `openPostgresLedger`. */
export async function migrateDatabase(url: string): Promise<void> {
  const place = placeOf(url);
  const client = await connect(place, MIGRATE_MS);
  try {
    await requireFitness(client, place.name, false);
    await migrate(client, place);
  } catch (error) {
    throw openingError(error, place.name);
  } finally {
    void client.end();
  }
}
