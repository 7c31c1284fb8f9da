import { AppError } from '../src/domain/errors.ts';
import { requireFiles } from '../src/lib/file-limit.ts';
import { Connection, type ConnectionHandler, type CutReason, type Target } from './connection.ts';

/** A server's listen backlog holds 512 connections; a step of the ramp stays far below it. */
const RAMP_STEP_MS = 10;
/** Timeouts are checked this often: one pass over the pool costs less than a timer per request. */
const SWEEP_EVERY_MS = 250;
/**
 * A connection that was not used for so long is replaced by a new one. Servers and balancers close theirs after 10 s and more; a request
 * that meets such an end has no answer, and its buyer does not know what became of it.
 */
const UNUSED_MS_MAX = 5_000;
/** Pause before another try to replace a lost connection: long enough not to flood a server that is starting. */
const REOPEN_PAUSE_MS = 100;

export interface PoolOptions {
  readonly target: Target;
  readonly size: number;
  /** The connections are opened evenly over this time. */
  readonly rampMs: number;
  /** A request without an answer for this long is given up as unknown. */
  readonly timeoutMs: number;
}

/**
 * A bounded set of connections to one server. A lost connection is replaced, so that the pool keeps its size through
 * cuts and restarts of the server.
 *
 * When the handler's `answered` runs, the connection is already idle again: read what the answer says, then send.
 */
export class ConnectionPool implements ConnectionHandler {
  readonly #options: PoolOptions;
  readonly #handler: ConnectionHandler;
  readonly #all = new Set<Connection>();
  #idle: Connection[] = [];
  readonly #sweeper: Timer;
  #closed = false;

  private constructor(options: PoolOptions, handler: ConnectionHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  /** Resolves when all connections are open; rejects when one cannot be opened. */
  static async open(options: PoolOptions, handler: ConnectionHandler): Promise<ConnectionPool> {
    const pool = new ConnectionPool(options, handler);
    try {
      const opened = await openRamped(options.target, options.size, options.rampMs, pool);
      for (const connection of opened.connections) pool.#admit(connection);
      if (opened.refused > 0)
        throw new AppError('unavailable', `${opened.refused} of ${options.size} connections were refused`);
      return pool;
    } catch (error) {
      pool.close();
      throw error;
    }
  }

  /** A connection without a request in flight, or undefined when all are busy. */
  take(): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.open) return connection;
    }
  }

  /** Connections whose request is not answered yet. */
  busy(): Connection[] {
    return [...this.#all].filter((connection) => connection.inFlight);
  }

  /** Closes every connection; requests in flight are not reported any more. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    for (const connection of this.#all) connection.end('closed');
  }

  answered(connection: Connection): void {
    if (connection.open) this.#idle.push(connection);
    this.#handler.answered(connection);
  }

  cut(connection: Connection, reason: CutReason): void {
    const isOurs = this.#all.delete(connection);
    if (this.#closed) return;
    if (isOurs) this.#handler.cut(connection, reason);
    void this.#replace();
  }

  #admit(connection: Connection): void {
    if (!connection.open) return;
    this.#all.add(connection);
    this.#idle.push(connection);
  }

  async #replace(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await Connection.connect(this.#options.target, this);
        this.#admit(connection);
        if (this.#closed) connection.end('closed');
        return;
      } catch {
        await Bun.sleep(REOPEN_PAUSE_MS);
      }
    }
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const connection of this.#all) {
      const { inFlight, sentAtMs } = connection;
      if (inFlight && sentAtMs < nowMs - this.#options.timeoutMs) connection.end('timeout');
      if (!inFlight && sentAtMs < nowMs - UNUSED_MS_MAX) this.#renew(connection);
    }
    this.#idle = this.#idle.filter(({ open }) => open);
  }

  /** Its end is no cut. */
  #renew(connection: Connection): void {
    this.#all.delete(connection);
    connection.end('closed');
  }
}

/** Opens `count` connections evenly over `rampMs`, and counts those that the server refused. Rejects where that many files cannot be open. */
export async function openRamped(
  target: Target,
  count: number,
  rampMs: number,
  handler: ConnectionHandler,
): Promise<{ connections: Connection[]; refused: number }> {
  requireFiles(count);
  const attempts: Promise<Connection>[] = [];
  const startMs = performance.now();
  while (attempts.length < count) {
    const elapsedMs = performance.now() - startMs;
    const due =
      rampMs === 0 ? count : Math.min(count, Math.ceil(((elapsedMs + RAMP_STEP_MS) / rampMs) * count));
    while (attempts.length < due) {
      const attempt = Connection.connect(target, handler);
      attempt.catch(() => {});
      attempts.push(attempt);
    }
    if (attempts.length < count) await Bun.sleep(RAMP_STEP_MS);
  }
  const settled = await Promise.allSettled(attempts);
  const connections = settled.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  return { connections, refused: count - connections.length };
}
