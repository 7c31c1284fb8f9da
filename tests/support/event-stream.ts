import { until } from './until.ts';

/** An event as it came over the wire; `data` as JSON. */
export interface StreamEvent {
  readonly event: string;
  readonly id: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events whose shape is what they check.
  readonly data: any;
}

/** A viewer: one connection to a stream, and all that came on it. `using` leaves. */
export interface StreamReader extends Disposable {
  readonly status: number;
  readonly headers: Headers;
  readonly events: readonly StreamEvent[];
  /** The server's hint when to come back, in ms. */
  readonly retryMs: number | null;
  /** What came that is no event: heartbeats and last words. */
  readonly comments: readonly string[];
  /** The last id that came, as a browser would send it. */
  readonly lastId: string | null;
  /** Resolves when the server ends the stream; rejects when the connection is cut. */
  readonly ended: Promise<void>;
  /** The first event with this name, from what came or will come. */
  first(name: string): Promise<StreamEvent>;
}

/** Above what a busy machine needs to start backends and servers beside this. */
const EVENT_TIMEOUT_MS = 25_000;

export async function openStream(
  url: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<StreamReader> {
  const leaving = new AbortController();
  const response = await fetch(`${url}/api/v1/stock/stream?${query}`, { headers, signal: leaving.signal });
  const events: StreamEvent[] = [];
  const comments: string[] = [];
  let retryMs: number | null = null;
  let lastId: string | null = null;

  function take(message: string): void {
    const fields = new Map<string, string>();
    for (const line of message.split('\n')) {
      const colon = line.indexOf(':');
      if (colon === 0) comments.push(line.slice(1).trim());
      else fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    if (fields.has('retry')) retryMs = Number(fields.get('retry'));
    if (fields.has('id')) lastId = fields.get('id')!;
    const event = fields.get('event');
    if (event) events.push({ event, id: fields.get('id') ?? null, data: JSON.parse(fields.get('data')!) });
  }

  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of response.body!) {
      rest += decoder.decode(bytes, { stream: true });
      const messages = rest.split('\n\n');
      rest = messages.pop()!;
      for (const message of messages) take(message);
    }
  }

  const ended = response.status === 200 ? read() : Promise.resolve();
  ended.catch(() => {});
  return {
    status: response.status,
    headers: response.headers,
    events,
    comments,
    ended,
    get retryMs() {
      return retryMs;
    },
    get lastId() {
      return lastId;
    },
    async first(name) {
      await until(() => events.some(({ event }) => event === name), EVENT_TIMEOUT_MS);
      return events.find(({ event }) => event === name)!;
    },
    [Symbol.dispose]: () => leaving.abort(),
  };
}

/** What a reader knows of a product: units and version as told last. Throws when a version did not rise on the way. */
export function lastTold(reader: StreamReader, productId: number): { available: number; version: number } {
  let last = { available: -1, version: -1 };
  for (const { event, data } of reader.events) {
    const told = event === 'snapshot' ? data.products : event === 'order.updated' ? [] : [data];
    for (const product of told) {
      if (product.productId !== productId) continue;
      const { available, version } = product;
      const rises = event === 'stock.changed' ? version > last.version : version >= last.version;
      if (!rises) throw new Error(`${event} told version ${version} after ${last.version}`);
      last = { available, version };
    }
  }
  return last;
}
