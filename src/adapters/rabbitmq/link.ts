import type { ChannelModel } from 'amqplib';
import { AppError } from '../../domain/errors.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Log } from '../../lib/log.ts';
import { within } from '../../lib/within.ts';
import { connectOnce, cut, explain, type Target } from './connect.ts';

/**
 * A connection that reconnects. Every failure (broker down, connection lost, channel closed by the broker, queue deleted)
 * is healed in one way: cut the connection, connect again, declare all again. One way is one to test.
 */
export interface Link {
  /** The current connection. Throws AppError `unavailable` at once when there is none, or when the broker blocks publishers. */
  connection(): ChannelModel;
  /** The same, or null. */
  current(): ChannelModel | null;
  isBlocked(): boolean;
  /** Cuts the connection and reconnects. */
  cut(reason: string): void;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly target: Target;
  /** Shown in the broker's list of connections. */
  readonly connectionName: string;
  /** Makes a new connection usable; until it resolves there is none. Its failure is a failed attempt. */
  readonly prepare: (connection: ChannelModel) => Promise<void>;
  readonly onUp?: (connection: ChannelModel) => void;
  /** The connection was lost, with all its channels. */
  readonly onDown: () => void;
  readonly log: Log;
}

/** Reconnects soon after a restart, without a hundred attempts a second from many processes. */
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 5_000;

/** A connection that lived this long resets the count of failures; a shorter one is part of the same outage. */
const STEADY_MS = 5_000;

/** Declaring a dozen quorum queues anew takes a busy broker a second or two. */
const PREPARE_TIMEOUT_MS = 10_000;

/** For the close handshake with a broker that may be down. */
const CLOSE_TIMEOUT_MS = 1_000;

/** Resolves with the first connection; rejects with one AppError when that fails. From then on it reconnects. */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { target, connectionName, prepare, onUp, onDown, log } = options;
  let current: ChannelModel | null = null;
  let upSinceMs = 0;
  let blockedBy: string | null = null;
  let failures = 0;
  let reported = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  async function attempt(): Promise<void> {
    const connection = await connectOnce(target, connectionName);
    const ended = endOf(connection);
    let blocked: string | null = null;
    connection.on('blocked', (reason) => {
      blocked = reason;
      if (current === connection) blockedBy = reason;
    });
    connection.on('unblocked', () => {
      blocked = null;
      if (current === connection) blockedBy = null;
    });
    try {
      await within(Promise.race([prepare(connection), ended.then(fail)]), PREPARE_TIMEOUT_MS);
      if (closed) throw new Error('closed');
    } catch (error) {
      cut(connection, 'could not be used');
      onDown();
      throw explain(error, target);
    }
    current = connection;
    upSinceMs = performance.now();
    blockedBy = blocked;
    void ended.then((reason) => down(connection, reason));
    onUp?.(connection);
  }

  function down(connection: ChannelModel, reason: Error): void {
    if (current !== connection) return;
    current = null;
    blockedBy = null;
    if (performance.now() - upSinceMs > STEADY_MS) {
      failures = 0;
      reported = '';
    }
    cut(connection, reason.message);
    onDown();
    if (closed) return;
    const message = `The connection to ${target.shown} was lost (${reason.message}); it is made again.`;
    tryAgain(new AppError('unavailable', message, { cause: reason }));
  }

  /** An outage is reported once, not at every attempt. */
  function tryAgain(trouble: AppError): void {
    if (trouble.message !== reported) log.warn({ err: trouble }, 'queue trouble; it is tried again');
    reported = trouble.message;
    failures++;
    timer = setTimeout(
      async () => {
        try {
          await attempt();
        } catch (error) {
          if (!closed) tryAgain(error as AppError);
        }
      },
      backoffMs(failures, RETRY_MS_FIRST, RETRY_MS_MAX),
    );
  }

  await attempt();

  return {
    connection() {
      if (!current) throw new AppError('unavailable', `There is no connection to ${target.shown}.`);
      if (blockedBy)
        throw new AppError('unavailable', `${target.shown} takes no messages (alarm: ${blockedBy}).`);
      return current;
    },
    current: () => current,
    isBlocked: () => blockedBy !== null,
    cut(reason) {
      if (current) down(current, new Error(reason));
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      const connection = current;
      if (!connection) return;
      await within(connection.close(), CLOSE_TIMEOUT_MS).catch(() => {});
      down(connection, new Error('closed'));
    },
  };
}

/** Resolves with the reason when the connection has ended. */
function endOf(connection: ChannelModel): Promise<Error> {
  return new Promise((resolve) => {
    // An 'error' without a listener would end the process. It comes before 'close' and has the cause.
    let cause: Error | undefined;
    connection.on('error', (error) => {
      cause ??= error;
    });
    connection.on('close', (error) => resolve(cause ?? error ?? new Error('closed by the broker')));
  });
}

function fail(error: Error): never {
  throw error;
}
