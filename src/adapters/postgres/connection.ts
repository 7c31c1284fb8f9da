import pg from 'pg';
import { AppError } from '../../domain/errors.ts';
import { schemaIn } from '../../lib/database-url.ts';
import { EXACT_NUMBERS } from './database.ts';
import { openingError } from './failure.ts';

/** Where a database is. */
export interface Place {
  readonly connection: pg.ClientConfig;
  /** For people: host, port and name, and never the password. */
  readonly name: string;
  /** The schema of our tables; null: the one that the server chooses. */
  readonly schema: string | null;
}

/** Throws AppError `unusable_store` for a URL that is not PostgreSQL's. */
export function placeOf(url: string): Place {
  const connection = { connectionString: url, fallback_application_name: 'pulsecart' };
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Error('wrong scheme');
    const { host, port, database } = new pg.Client(connection);
    return { connection, name: `${host}:${port}/${database ?? ''}`, schema: schemaIn(url) };
  } catch {
    // Not the error's own words: they may quote the URL, password and all.
    throw new AppError(
      'unusable_store',
      'The address of the PostgreSQL database is not of the form postgres://user:password@host:5432/database.',
    );
  }
}

/** Runs `work` on a connection of its own. What keeps it from being made comes as one clear AppError. */
export async function withConnection<T>(place: Place, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connect(place, START_MS);
  try {
    return await work(client);
  } catch (error) {
    throw openingError(error, place.name);
  } finally {
    void client.end();
  }
}

/** A connection outside the pool, for what takes its time, but no longer than `statementMs` for an answer. */
export async function connect(place: Place, statementMs: number): Promise<pg.Client> {
  const client = new pg.Client({
    ...place.connection,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: statementMs,
    keepAlive: true,
    types: EXACT_NUMBERS,
  });
  // Without a listener a connection that breaks ends the process; a call that waits for an answer hears of it anyway.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw openingError(error, place.name);
  }
}

/** A person waits for the program to start. */
const CONNECT_MS = 5_000;
/** Others may be migrating before us. */
const START_MS = 60_000;
