import { type Exit, type ServerProcess, startServer } from '../../src/load/server-process.ts';
import { temporaryFolder } from './folder.ts';
import { until } from './until.ts';

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape is what they check.
  readonly json: any;
}

export interface Call {
  /** A string or bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** A real server process with data of its own. `await using` ends the process and removes the data. */
export interface Shop extends AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly server: ServerProcess;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  buy(channel: 'sync' | 'async', body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A fresh round of `units` free units. */
  reset(productId: number, units: number): Promise<void>;
  /**
   * Ends the server if it still runs (SIGTERM) and starts another at the same address on the same data; answers how the
   * first one ended.
   */
  restart(env?: Record<string, string>): Promise<Exit>;
}

/** Above the longest long poll that is asked for, and above the longest wait for a store that is held. */
const CALL_TIMEOUT_MS = 40_000;

export async function openShop(env: Record<string, string> = {}): Promise<Shop> {
  const folder = temporaryFolder();
  let server = await startServer({ dataFolder: folder.path, env }).catch((error) => {
    folder[Symbol.dispose]();
    throw error;
  });

  async function call(method: string, path: string, { body, headers = {} }: Call = {}): Promise<Answer> {
    const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
    const response = await fetch(server.url + path, {
      method,
      headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as string | Uint8Array) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text);
      },
    };
  }

  return {
    folder: folder.path,
    get url() {
      return server.url;
    },
    get server() {
      return server;
    },
    call,
    get: (path, headers = {}) => call('GET', path, { headers }),
    buy: (channel, body, headers = {}) => call('POST', `/api/v1/${channel}/purchase`, { body, headers }),
    async reset(productId, units) {
      const { status, text } = await call('PUT', `/api/v1/sync/stock/${productId}/reset?stock=${units}`);
      if (status !== 200) throw new Error(`reset answered ${status}: ${text}`);
    },
    async restart(newEnv = env) {
      const exit = await server.stop();
      const port = Number(new URL(server.url).port);
      server = await startServer({ dataFolder: folder.path, env: newEnv, port });
      return exit;
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      folder[Symbol.dispose]();
    },
  };
}

/** Waits for what a server does in its own time. Generous: other servers may be tested on the same cores. */
export function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  return until(condition, EVENTUALLY_DEADLINE_MS);
}

const EVENTUALLY_DEADLINE_MS = 25_000;
