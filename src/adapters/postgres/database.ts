import pg, { type PoolClient } from 'pg';
import { endsSession, isConflict, isFull, meaningOf } from './failure.ts';

/** PostgreSQL as a pool of connections. Each statement is a transaction of its own and takes one round trip. */
export interface Database {
  /**
   * Runs a statement that writes, within `withinMs`, the wait for a connection included. Rejects with AppError `unavailable` when nothing was done, with `outcome_unknown` when the
   * connection was cut or went silent meanwhile; errors that are bugs stay as they are. Conflicts are tried again.
   */
  write<Row>(text: string, values: readonly unknown[], withinMs?: number): Promise<Row[]>;
  /** Runs a statement that only reads. Rejects with `unavailable`. */
  read<Row>(text: string, values?: readonly unknown[], withinMs?: number): Promise<Row[]>;
  /** When a statement last found no room on the server's disk, on the scale of `performance.now()`. */
  lastFullAtMs(): number;
  close(): Promise<void>;
}

/** The same, for statements that somebody waits for. */
export function hurried(database: Database, withinMs: number): Database {
  return {
    ...database,
    read: (text, values = []) => database.read(text, values, withinMs),
    write: (text, values) => database.write(text, values, withinMs),
  };
}

export interface Timeouts {
  /** For a connection: one of the pool to get free, or a new one to be made. */
  readonly connectMs: number;
  /** For the answer to a statement. A batch takes milliseconds, and waits for the locks of those before it. */
  readonly statementMs: number;
  /** For a statement that a buyer waits for, the wait for a connection included. */
  readonly buyerMs: number;
}

/**
 * The server gives up first, so that a slow one says for certain that nothing was done: after 1 s of waiting for a lock
 * where a buyer waits and 3 s elsewhere (in the functions of the migrations; one row may take two locks), after 4 s in all. Then only a silent one leaves it open.
 */
export const TIMEOUTS: Timeouts = { connectMs: 3_000, statementMs: 5_000, buyerMs: 3_000 };
const SERVER_STATEMENT_MS = 4_000;

/** Too short for a server in trouble, and long enough for one that only kept us waiting for a connection. */
const QUERY_MS_MIN = 250;
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
  let fullAtMs = Number.NEGATIVE_INFINITY;
  // A connection that breaks would end the process without listeners: the pool's hears of those at rest; of one in use its
  // statement tells.
  pool.on('error', (error) => onTrouble(error, 'a connection to PostgreSQL broke'));
  pool.on('connect', (client) => client.on('error', () => {}));

  async function connect(deadlineMs: number): Promise<PoolClient> {
    const client = await pool.connect();
    if (limited.has(client)) return client;
    try {
      // A setting of the session must not reach through a pooler to a session that others share, audits for instance. There
      // the process is another one than the one we were greeted by; the limits of locks and of our own patience remain.
      const text = `SELECT set_config('statement_timeout', $1, false) WHERE pg_backend_pid() = $2`;
      await query(client, text, [String(SERVER_STATEMENT_MS), (client as Internals).processID], deadlineMs);
      limited.add(client);
      return client;
    } catch (error) {
      drop(client);
      throw error;
    }
  }

  /** Unnamed: behind a pooler the next statement may meet another server process. */
  function query(client: PoolClient, text: string, values: readonly unknown[], deadlineMs: number) {
    const query_timeout = Math.max(deadlineMs - performance.now(), QUERY_MS_MIN);
    const config: pg.QueryConfig & { query_timeout: number } = { text, values: [...values], query_timeout };
    return client.query(config);
  }

  async function run<Row>(
    text: string,
    values: readonly unknown[],
    writes: boolean,
    deadlineMs: number,
  ): Promise<Row[]> {
    let client: PoolClient;
    try {
      client = await connect(deadlineMs);
    } catch (error) {
      throw meaningOf(error, false);
    }
    try {
      const { rows } = await query(client, text, values, deadlineMs);
      client.release();
      return rows;
    } catch (error) {
      if (endsSession(error)) drop(client);
      else client.release();
      if (isFull(error)) fullAtMs = performance.now();
      if (writes && isConflict(error)) throw error;
      throw meaningOf(error, writes);
    }
  }

  return {
    async write<Row>(
      text: string,
      values: readonly unknown[],
      withinMs = timeouts.statementMs,
    ): Promise<Row[]> {
      const deadlineMs = performance.now() + withinMs;
      for (let tries = 1; ; tries++) {
        try {
          return await run<Row>(text, values, true, deadlineMs);
        } catch (error) {
          if (!isConflict(error)) throw error;
          if (tries === TRIES_MAX) throw meaningOf(error, true);
        }
        await Bun.sleep(RETRY_WITHIN_MS * Math.random());
      }
    },
    read: (text, values = [], withinMs = timeouts.statementMs) =>
      run(text, values, false, performance.now() + withinMs),
    lastFullAtMs: () => fullAtMs,
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
