import type { ServerProcess } from '../../bench/server-process.ts';

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

/** Talks to a server as its clients do. */
export interface Caller {
  call(method: string, path: string, call?: Call): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  buy(channel: 'sync' | 'async', body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** A fresh round of `units` free units. */
  reset(productId: number, units: number): Promise<void>;
}

/** Above the longest long poll that is asked for, and above the longest wait for a store that is held. */
const CALL_TIMEOUT_MS = 40_000;

/**
 * For a server whose address may change with a restart. Calls of operators get its own token where it made one, and the call
 * brings no `Authorization`.
 */
export function createCaller(server: () => Pick<ServerProcess, 'url' | 'operatorToken'>): Caller {
  async function call(method: string, path: string, { body, headers = {} }: Call = {}): Promise<Answer> {
    const { url, operatorToken } = server();
    const isOperator = operatorToken !== null && isForOperators(method, path);
    const isJson = body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array);
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(isOperator && { Authorization: `Bearer ${operatorToken}` }),
        ...headers,
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as BodyInit) }),
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
    call,
    get: (path, headers = {}) => call('GET', path, { headers }),
    buy: (channel, body, headers = {}) => call('POST', `/api/v1/${channel}/purchase`, { body, headers }),
    async reset(productId, units) {
      const { status, text } = await call('PUT', `/api/v1/sync/stock/${productId}/reset?stock=${units}`);
      if (status !== 200) throw new Error(`reset answered ${status}: ${text}`);
    },
  };
}

function isForOperators(method: string, path: string): boolean {
  if (path.startsWith('/api/v1/ops/') || /\/(refund|charge)$/.test(path)) return true;
  if (/^\/api\/v1\/orders(\.csv)?(\?|$)/.test(path)) return true;
  return path.startsWith('/api/v1/products') && method !== 'GET';
}
