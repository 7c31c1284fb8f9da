import { targetOf } from '../../bench/requests.ts';
import { ResponseReader } from '../../bench/response.ts';

/** What a server said to bytes on a connection of their own. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string;
  header(name: string): string | null;
}

/** Long enough for any answer; a server that says nothing until then keeps the connection for nothing. */
const ANSWER_TIMEOUT_MS = 20_000;

/** A connection that sends bytes as they are, right or wrong. `using` closes it. */
export interface RawConnection extends Disposable {
  send(bytes: string | Uint8Array): void;
  /** Resolves once the system has taken all bytes, or the connection is closed. */
  sent(): Promise<void>;
  /** Says that nothing more will be sent, and goes on reading: a half-close. After `sent`. */
  finish(): void;
  /** The next answer; null when the server closed the connection without one. */
  answer(): Promise<RawAnswer | null>;
  /** True as soon as these words have come, in an answer that may go on; false when the connection is closed before. */
  heard(words: string): Promise<boolean>;
  /** Everything that has come so far, as text. */
  text(): string;
  /** Whether it is closed, by either side. */
  isClosed(): boolean;
  /** Everything that came, as text, once the server has closed the connection. */
  readonly closed: Promise<string>;
}

export async function connectRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = targetOf(url);
  const reader = new ResponseReader();
  const closed = Promise.withResolvers<string>();
  const heard: Buffer[] = [];
  let isClosed = false;
  let news = Promise.withResolvers<void>();
  let unsent: Uint8Array[] = [];
  const text = () => Buffer.concat(heard).toString('latin1');
  const tell = () => {
    news.resolve();
    news = Promise.withResolvers<void>();
  };
  const end = () => {
    isClosed = true;
    unsent = [];
    closed.resolve(text());
    tell();
  };
  const flush = () => {
    while (unsent.length > 0 && !isClosed) {
      const [first] = unsent as [Uint8Array];
      const written = Math.max(0, socket.write(first));
      if (written < first.length) {
        unsent[0] = first.subarray(written);
        return;
      }
      unsent.shift();
    }
    tell();
  };
  const socket = await Bun.connect({
    hostname,
    port,
    socket: {
      data(_, chunk) {
        heard.push(Buffer.from(chunk));
        reader.push(chunk);
        tell();
      },
      drain: flush,
      close: end,
      error: end,
    },
  });
  return {
    closed: closed.promise,
    text,
    isClosed: () => isClosed,
    send(bytes) {
      if (!isClosed) unsent.push(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      flush();
    },
    async sent() {
      while (unsent.length > 0) await news.promise;
    },
    finish() {
      socket.shutdown();
    },
    async heard(words) {
      for (;;) {
        const more = news.promise;
        if (Buffer.concat(heard).includes(words)) return true;
        if (isClosed) return false;
        await more;
      }
    },
    async answer() {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => late.reject(new Error('no answer in time')), ANSWER_TIMEOUT_MS);
      try {
        for (;;) {
          const more = news.promise;
          const result = reader.next();
          if (result === 'response') return answerIn(reader);
          if (result === 'garbage' || isClosed) return null;
          await Promise.race([more, late.promise]);
        }
      } finally {
        clearTimeout(timer);
      }
    },
    [Symbol.dispose]() {
      socket.terminate();
    },
  };
}

/** Sends one request's bytes and answers what came back; null when the connection was closed without an answer. */
export async function askRaw(url: string, bytes: string | Uint8Array): Promise<RawAnswer | null> {
  using connection = await connectRaw(url);
  connection.send(bytes);
  return await connection.answer();
}

/** A request as bytes: the head as given, then `Host` and the body. */
export function rawRequest(
  requestLine: string,
  headers: Record<string, string>,
  body: string | Uint8Array = '',
): Uint8Array {
  const fields = Object.entries({ Host: '127.0.0.1', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  const head = `${[`${requestLine} HTTP/1.1`, ...fields].join('\r\n')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body as string)]);
}

/** Copied, because the reader forgets an answer with the next bytes. */
function answerIn(reader: ResponseReader): RawAnswer {
  const headers = new Map(
    reader.headLines().map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  return { status: reader.status, body: reader.text(), header: (name) => headers.get(name) ?? null };
}
