const CR = 13;
const LF = 10;
const SPACE = 32;
const COLON = 58;
const LETTER_C = 99;
const LETTER_T = 116;
const DIGIT_0 = 48;

/** No server of ours sends a longer head; a peer that does is not speaking HTTP. */
export const HEAD_BYTES_MAX = 16 * 1024;
/** The longest page this client reads is a metrics page of some ten KiB. */
export const BODY_BYTES_MAX = 8 * 1024 * 1024;

const EMPTY = Buffer.alloc(0);
const LENGTH_MISSING = -1;
const LENGTH_CHUNKED = -2;

export type ReadResult = 'response' | 'more' | 'garbage';

/**
 * Reads HTTP/1.1 responses from the bytes of one connection, however TCP cut or joined them: `push` a chunk, then call
 * `next` until it says `more`.
 *
 * After `response`, `status`, `keepAlive`, `text()` and `header()` describe that response until the next `push` or
 * `next`. Only the status is decoded eagerly: the generator shares a machine with the measured server, so a response costs
 * one pass over the head. Bodies that end with the connection (no length at all) are `garbage` here, since a cut could not
 * be distinguished from an end.
 */
export class ResponseReader {
  status = 0;
  keepAlive = true;

  #bytes: Buffer = EMPTY;
  /** Where the response being read starts. */
  #at = 0;
  /** Length of its head, 0 until the head is complete. */
  #headBytes = 0;
  #contentLength = LENGTH_MISSING;

  /** The last response: head and body within `#bytes`, or a body joined from chunks. */
  #headStart = 0;
  #bodyStart = 0;
  #bodyEnd = 0;
  #joinedBody: Buffer | null = null;

  push(chunk: Buffer): void {
    this.#bytes =
      this.#at >= this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  next(): ReadResult {
    for (;;) {
      if (this.#headBytes === 0) {
        const head = this.#readHead();
        if (head !== 'response') return head;
      }
      if (this.status >= 200) return this.#readBody();
      // 100 Continue and its like announce the real response.
      this.#at += this.#headBytes;
      this.#headBytes = 0;
    }
  }

  /** The body as text. */
  text(): string {
    return this.#joinedBody?.toString('utf8') ?? this.#bytes.toString('utf8', this.#bodyStart, this.#bodyEnd);
  }

  /** A header's value by its name in lower case, or null. */
  header(name: string): string | null {
    for (const line of this.headLines()) {
      const colon = line.indexOf(':');
      if (colon > 0 && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
    }
    return null;
  }

  /** Status line and header lines as received. */
  headLines(): string[] {
    const lines = this.#bytes.toString('latin1', this.#headStart, this.#bodyStart).split('\r\n');
    return lines.filter((line) => line !== '');
  }

  #readHead(): ReadResult {
    const bytes = this.#bytes;
    const at = this.#at;
    if (at === bytes.length) return 'more';
    if (!beginsLikeHttp(bytes, at)) return 'garbage';
    this.#contentLength = LENGTH_MISSING;
    this.keepAlive = true;
    const limit = Math.min(bytes.length - 1, at + HEAD_BYTES_MAX);
    for (let i = at + 12; i < limit; i++) {
      if (bytes[i] !== LF) continue;
      const line = i + 1;
      if (bytes[line] !== CR) {
        this.#readHeader(line);
      } else if (line + 1 < bytes.length) {
        this.status = number3(bytes, at + 9);
        this.#headBytes = line + 2 - at;
        if (this.status === 204 || this.status === 304) this.#contentLength = 0;
        return this.status >= 100 && this.#contentLength <= BODY_BYTES_MAX ? 'response' : 'garbage';
      }
    }
    return limit === at + HEAD_BYTES_MAX ? 'garbage' : 'more';
  }

  /**
   * Reads the three headers that framing needs, recognized by their first letter and the place of their colon. A line may
   * still be cut short: its value counts only once the head is complete.
   */
  #readHeader(line: number): void {
    const bytes = this.#bytes;
    const first = (bytes[line] ?? 0) | 0x20;
    if (first === LETTER_C && bytes[line + 14] === COLON) {
      const name = bytes.toString('latin1', line, line + 14).toLowerCase();
      if (name === 'content-length') this.#contentLength = decimal(bytes, line + 15);
    } else if (first === LETTER_T && bytes[line + 17] === COLON) {
      const text = lineText(bytes, line);
      if (text.startsWith('transfer-encoding:') && text.endsWith('chunked'))
        this.#contentLength = LENGTH_CHUNKED;
    } else if (first === LETTER_C && bytes[line + 10] === COLON) {
      if (/^connection:.*\bclose\b/.test(lineText(bytes, line))) this.keepAlive = false;
    }
  }

  #readBody(): ReadResult {
    const bodyStart = this.#at + this.#headBytes;
    let end = bodyStart + this.#contentLength;
    this.#joinedBody = null;
    if (this.#contentLength === LENGTH_MISSING) return 'garbage';
    if (this.#contentLength === LENGTH_CHUNKED) {
      const chunked = joinChunks(this.#bytes, bodyStart);
      if (typeof chunked === 'string') return chunked;
      this.#joinedBody = chunked.body;
      end = chunked.end;
    }
    if (end > this.#bytes.length) return 'more';
    this.#headStart = this.#at;
    this.#bodyStart = bodyStart;
    this.#bodyEnd = end;
    this.#at = end;
    this.#headBytes = 0;
    return 'response';
  }
}

function beginsLikeHttp(bytes: Buffer, at: number): boolean {
  const expected = 'HTTP/1.';
  const length = Math.min(expected.length, bytes.length - at);
  for (let i = 0; i < length; i++) if (bytes[at + i] !== expected.charCodeAt(i)) return false;
  return true;
}

function number3(bytes: Buffer, at: number): number {
  const digit = (i: number) => (bytes[at + i] ?? 0) - DIGIT_0;
  const value = digit(0) * 100 + digit(1) * 10 + digit(2);
  return value >= 100 && value <= 599 ? value : 0;
}

/** The number at `at`, leading spaces skipped; Infinity where there is none. */
function decimal(bytes: Buffer, at: number): number {
  let i = at;
  while (bytes[i] === SPACE) i++;
  const start = i;
  let value = 0;
  for (; ; i++) {
    const digit = (bytes[i] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) return i === start ? Number.POSITIVE_INFINITY : value;
    value = value * 10 + digit;
  }
}

function lineText(bytes: Buffer, line: number): string {
  const end = bytes.indexOf(CR, line);
  return bytes
    .toString('latin1', line, end < 0 ? bytes.length : end)
    .trim()
    .toLowerCase();
}

/** Walks the chunks anew with every call: a step per chunk, not per byte, and few answers are chunked at all. */
function joinChunks(bytes: Buffer, from: number): { body: Buffer; end: number } | 'more' | 'garbage' {
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd < 0) return bytes.length - at > HEAD_BYTES_MAX ? 'garbage' : 'more';
    const sizeText = bytes.toString('latin1', at, lineEnd).split(';', 1)[0]?.trim() ?? '';
    if (!/^[0-9a-f]{1,7}$/i.test(sizeText)) return 'garbage';
    const size = Number.parseInt(sizeText, 16);
    if (size === 0) {
      const end = endOfTrailers(bytes, lineEnd + 2);
      return end < 0 ? 'more' : { body: Buffer.concat(parts), end };
    }
    const dataEnd = lineEnd + 2 + size;
    if (dataEnd - from > BODY_BYTES_MAX) return 'garbage';
    if (dataEnd + 2 > bytes.length) return 'more';
    if (bytes[dataEnd] !== CR) return 'garbage';
    parts.push(bytes.subarray(lineEnd + 2, dataEnd));
    at = dataEnd + 2;
  }
}

/** The end of the empty line after the last chunk, or -1 while it is missing. */
function endOfTrailers(bytes: Buffer, from: number): number {
  for (let line = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', line, 'latin1');
    if (lineEnd < 0) return -1;
    if (lineEnd === line) return lineEnd + 2;
    line = lineEnd + 2;
  }
}
