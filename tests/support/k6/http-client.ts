import {
  Connection,
  type ConnectionHandler,
  type CutReason,
  type Target,
} from '../../../bench/connection.ts';

export interface Exchange {
  /** 0: no answer. */
  readonly status: number;
  readonly headLines: readonly string[];
  readonly body: string | null;
  readonly error: string;
  /** k6's number of the error. */
  readonly errorCode: number;
  readonly connectingMs: number;
  /** From the request's first byte to the answer's last. */
  readonly durationMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

interface Pending {
  readonly host: string;
  readonly timer: Timer;
  readonly end: (outcome: Pick<Exchange, 'status' | 'headLines' | 'body' | 'error' | 'errorCode'>) => void;
}

/** k6's numbers of errors (its documentation, "Error codes"). */
const CONNECTION_REFUSED = 1212;
const REQUEST_TIMEOUT = 1050;
const OTHER_ERROR = 1000;

/** One user's connections, kept alive between requests as k6 keeps them: no user ever borrows another's. */
export class HttpClient implements ConnectionHandler {
  readonly #idle = new Map<string, Connection[]>();
  readonly #pending = new Map<Connection, Pending>();

  async send(target: Target, request: Uint8Array, timeoutMs: number): Promise<Exchange> {
    const startedAtMs = performance.now();
    let connection = this.#takeIdle(target.host);
    let connectingMs = 0;
    if (connection === undefined) {
      try {
        connection = await Connection.connect(target, this);
      } catch (error) {
        return noAnswer(`dial tcp: ${(error as Error).message}`, CONNECTION_REFUSED);
      }
      connectingMs = performance.now() - startedAtMs;
    }
    const used = connection;
    const sentAtMs = performance.now();
    return new Promise((resolve) => {
      this.#pending.set(used, {
        host: target.host,
        timer: setTimeout(() => used.end('timeout'), timeoutMs),
        end: (outcome) =>
          resolve({
            ...outcome,
            connectingMs,
            durationMs: performance.now() - sentAtMs,
            sentBytes: request.length,
            receivedBytes:
              outcome.headLines.reduce((sum, line) => sum + line.length + 2, 2) + (outcome.body?.length ?? 0),
          }),
      });
      used.send(request, 0, sentAtMs);
    });
  }

  close(): void {
    for (const connections of this.#idle.values())
      for (const connection of connections) connection.end('closed');
  }

  answered(connection: Connection): void {
    const pending = this.#take(connection);
    if (pending === undefined) return;
    const { status } = connection.response;
    const headLines = connection.response.headLines();
    const body = connection.response.text();
    if (connection.open) {
      const idle = this.#idle.get(pending.host);
      if (idle) idle.push(connection);
      else this.#idle.set(pending.host, [connection]);
    }
    pending.end({ status, headLines, body, error: '', errorCode: 0 });
  }

  cut(connection: Connection, reason: CutReason): void {
    const pending = this.#take(connection);
    if (pending === undefined) return;
    const error = reason === 'timeout' ? 'request timeout' : reason === 'closed' ? 'EOF' : 'malformed HTTP';
    const errorCode = reason === 'timeout' ? REQUEST_TIMEOUT : OTHER_ERROR;
    pending.end({ status: 0, headLines: [], body: null, error, errorCode });
  }

  #take(connection: Connection): Pending | undefined {
    const pending = this.#pending.get(connection);
    this.#pending.delete(connection);
    clearTimeout(pending?.timer);
    return pending;
  }

  #takeIdle(host: string): Connection | undefined {
    const idle = this.#idle.get(host);
    for (;;) {
      const connection = idle?.pop();
      if (connection === undefined || connection.open) return connection;
    }
  }
}

function noAnswer(error: string, errorCode: number): Exchange {
  return {
    status: 0,
    headLines: [],
    body: null,
    error,
    errorCode,
    connectingMs: 0,
    durationMs: 0,
    sentBytes: 0,
    receivedBytes: 0,
  };
}
