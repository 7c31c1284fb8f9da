import pg, { type PoolClient } from 'pg';
import { endsSession, isConflict, meaningOf } from './failure.ts';

/** PostgreSQL as a pool of connections. Each statement is a transaction of its own and takes one round trip. */
export interface Database {
  /**
   * Runs a statement that writes. Rejects with AppError `unavailable` when nothing was done, with `outcome_unknown` when the
   * connection was cut or went silent meanwhile; errors that are bugs stay as they are. Conflicts are tried again.
   */
  write<Row>(text: string, values: readonly unknown[]): Promise<Row[]>;
  /** Runs a statement that only reads. Rejects with `unavailable`. */
  read<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

export interface Timeouts {
  /** For a connection: one of the pool to get free, or a new one to be made. */
  readonly connectMs: number;
  /** For the answer to a statement. A batch takes milliseconds, and waits for the locks of those before it. */
  readonly statementMs: number;
}

/**
 * The server gives up first, so that a slow one says for certain that nothing was done: after 3 s of waiting for a lock (in
 * the functions of the migrations), after 4 s in all. Then only a silent one leaves it open.
 */
export const TIMEOUTS: Timeouts = { connectMs: 3_000, statementMs: 5_000 };
const SERVER_STATEMENT_MS = 4_000;

/** Conflicts are rare, and the next try sees what the last one missed: more than a few in a row are a bug. */
const TRIES_MAX = 5;
const RETRY_WITHIN_MS = 20;
const IDLE_MS = 60_000;
const KEEP_ALIVE_AFTER_MS = 10_000;

export function openDatabase(
  connection: pg.ClientConfig,
  poolSize: number,
  timeouts: Timeouts,
  onTrouble: (error: unknown, context: string) => void,
): Database {
  const pool = new pg.Pool({
    ...connection,
    max: poolSize,
    connectionTimeoutMillis: timeouts.connectMs,
    query_timeout: timeouts.statementMs,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types: EXACT_NUMBERS,
  });
  const limited = new WeakSet<PoolClient>();
  // A connection that breaks would end the process without listeners: the pool's hears of those at rest; of one in use its
  // statement tells.
  pool.on('error', (error) => onTrouble(error, 'a connection to PostgreSQL broke'));
  pool.on('connect', (client) => client.on('error', () => {}));

  async function connect(): Promise<PoolClient> {
    const client = await pool.connect();
    if (limited.has(client)) return client;
    try {
      // A setting of the session must not reach through a pooler to a session that others share, audits for instance. There
      // the process is another one than the one we were greeted by; the limits of locks and of our own patience remain.
      await client.query(`SELECT set_config('statement_timeout', $1, false) WHERE pg_backend_pid() = $2`, [
        String(SERVER_STATEMENT_MS),
        (client as Internals).processID,
      ]);
      limited.add(client);
      return client;
    } catch (error) {
      drop(client);
      throw error;
    }
  }

  async function run<Row>(text: string, values: readonly unknown[], writes: boolean): Promise<Row[]> {
    let client: PoolClient;
    try {
      client = await connect();
    } catch (error) {
      throw meaningOf(error, false);
    }
    try {
      // Unnamed: behind a pooler the next statement may meet another server process.
      const { rows } = await client.query(text, values as unknown[]);
      client.release();
      return rows;
    } catch (error) {
      if (endsSession(error)) drop(client);
      else client.release();
      if (isConflict(error)) throw error;
      throw meaningOf(error, writes);
    }
  }

  return {
    async write<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
      for (let tries = 1; ; tries++) {
        try {
          return await run<Row>(text, values, true);
        } catch (error) {
          if (!isConflict(error)) throw error;
          if (tries === TRIES_MAX) throw meaningOf(error, true);
        }
        await Bun.sleep(RETRY_WITHIN_MS * Math.random());
      }
    },
    read: (text, values = []) => run(text, values, false),
    close: () => pool.end(),
  };
}

/** Ends a connection at once. A polite end would wait for a server that may not answer any more. */
function drop(client: PoolClient): void {
  client.release(true);
  (client as Internals).connection.stream.destroy();
}

/** What pg has and its types do not tell. */
type Internals = PoolClient & {
  readonly processID: number | null;
  readonly connection: { readonly stream: { destroy(): void } };
};

/** All our 64-bit integers are within 2^53; pg hands them out as text unless told otherwise. Only for this pool. */
export const EXACT_NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
} as pg.CustomTypesConfig;
