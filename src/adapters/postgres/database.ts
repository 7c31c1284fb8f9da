import pg, { type PoolClient } from 'pg';
import type { Log } from '../../lib/log.ts';
import { endsSession, isConflict, isFull, meaningOf } from './failure.ts';

/** Runs a statement and answers its rows. */
export type Query = <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** PostgreSQL as a pool of connections. A statement is a transaction of its own, in one round trip, unless said otherwise. */
export interface Database {
  /**
   * Runs a statement that writes, within `withinMs`, the wait for a connection included. Rejects with AppError `unavailable` when nothing was done, with `outcome_unknown` when the
   * connection was cut or went silent meanwhile; errors that are bugs stay as they are. Conflicts are tried again.
   */
  write<Row>(text: string, values: readonly unknown[], withinMs?: number): Promise<Row[]>;
  /**
   * Runs what `work` asks as one transaction on one connection, for steps that are not asked for in a crowd: each statement is a
   * round trip, during which the locks are held. Rejects like `write`; what was cut before the commit was asked for is
   * `unavailable`. After a conflict `work` runs again.
   */
  transaction<T>(work: (query: Query) => Promise<T>, withinMs?: number): Promise<T>;
  /** Runs a statement that only reads. Rejects with `unavailable`. */
  read<Row>(text: string, values?: readonly unknown[], withinMs?: number): Promise<Row[]>;
  /** When a statement last found no room on the server's disk, on the scale of `performance.now()`. */
  lastFullAtMs(): number;
  close(): Promise<void>;
}

/** The same, for statements that a caller waits for. */
export function hurried(database: Database, withinMs: number): Database {
  return {
    ...database,
    read: (text, values = []) => database.read(text, values, withinMs),
    write: (text, values) => database.write(text, values, withinMs),
    transaction: (work) => database.transaction(work, withinMs),
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
 * where a buyer waits and 3 s elsewhere (in the functions of the migrations, and below; one row may take two locks), after 4 s in
 * all. Then only a silent one leaves it open.
 */
export const TIMEOUTS: Timeouts = { connectMs: 3_000, statementMs: 5_000, buyerMs: 3_000 };
const SERVER_STATEMENT_MS = 4_000;
/**
 * Set in the transaction alone, so that it holds behind a pooler, too. A process that stands still in the middle of one would
 * keep all others from its product: the server ends it after 2 s.
 */
const BEGIN = "BEGIN; SET LOCAL lock_timeout = '3s'; SET LOCAL idle_in_transaction_session_timeout = '2s'";

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
  log: Log,
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
  const broken = new WeakSet<PoolClient>();
  let fullAtMs = Number.NEGATIVE_INFINITY;
  // A connection that breaks would end the process without listeners: the pool's hears of those at rest; of one in use its
  // statement tells.
  pool.on('error', (error) => log.warn({ err: error }, 'a connection to PostgreSQL broke'));
  pool.on('connect', (client) => client.on('error', () => broken.add(client)));

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

  /** Runs `work` on a connection. It says of each statement whether that commits what was written. */
  async function onConnection<T>(work: (ask: Ask) => Promise<T>, deadlineMs: number): Promise<T> {
    let client: PoolClient;
    try {
      client = await connect(deadlineMs);
    } catch (error) {
      throw meaningOf(error, false);
    }
    let commits = false;
    let failure: unknown;
    try {
      const result = await work(async <Row>(text: string, values: readonly unknown[], asCommit: boolean) => {
        // Nothing is sent over a connection that broke before.
        commits = asCommit && !broken.has(client);
        try {
          return (await query(client, text, values, deadlineMs)).rows as Row[];
        } catch (error) {
          failure = error;
          throw error;
        }
      });
      client.release();
      return result;
    } catch (error) {
      if (endsSession(error)) drop(client);
      else client.release();
      if (isFull(error)) fullAtMs = performance.now();
      // What no statement threw is a bug of `work`.
      throw isConflict(error) || error !== failure ? error : meaningOf(error, commits);
    }
  }

  async function run<T>(work: (ask: Ask) => Promise<T>, withinMs = timeouts.statementMs): Promise<T> {
    const deadlineMs = performance.now() + withinMs;
    for (let tries = 1; ; tries++) {
      try {
        return await onConnection(work, deadlineMs);
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (tries === TRIES_MAX) throw meaningOf(error, false);
      }
      await Bun.sleep(RETRY_WITHIN_MS * Math.random());
    }
  }

  return {
    write: (text, values, withinMs) => run((ask) => ask(text, values, true), withinMs),
    read: (text, values = [], withinMs) => run((ask) => ask(text, values, false), withinMs),
    transaction: (work, withinMs) =>
      run(async (ask) => {
        let result: Awaited<ReturnType<typeof work>>;
        try {
          await ask(BEGIN, [], false);
          result = await work((text, values = []) => ask(text, values, false));
        } catch (error) {
          if (!endsSession(error)) await ask('ROLLBACK', [], false);
          throw error;
        }
        await ask('COMMIT', [], true);
        return result;
      }, withinMs),
    lastFullAtMs: () => fullAtMs,
    close: () => pool.end(),
  };
}

type Ask = <Row>(text: string, values: readonly unknown[], asCommit: boolean) => Promise<Row[]>;

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
