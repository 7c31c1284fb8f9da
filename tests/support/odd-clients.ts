import { type RawConnection, rawRequest } from './raw-http.ts';
import { eventually } from './shop.ts';

/** A purchase as bytes, in the forms in which clients send it. */
export interface PurchaseBytes {
  plain(headers?: Record<string, string>): string;
  /** In one chunk; the trailer fields with their line ends. */
  chunked(trailer: string): string;
}

export function purchaseBytes(channel: 'sync' | 'async', body: object, key?: string): PurchaseBytes {
  const json = JSON.stringify(body);
  const line = `POST /api/v1/${channel}/purchase`;
  const common = { 'Content-Type': 'application/json', ...(key !== undefined && { 'Idempotency-Key': key }) };
  const bytes = (headers: Record<string, string>, content: string) =>
    Buffer.from(rawRequest(line, { ...common, ...headers }, content)).toString('latin1');
  return {
    plain: (headers = {}) => bytes({ 'Content-Length': `${json.length}`, ...headers }, json),
    chunked: (trailer) =>
      bytes(
        { 'Transfer-Encoding': 'chunked' },
        `${json.length.toString(16)}\r\n${json}\r\n0\r\n${trailer}\r\n`,
      ),
  };
}

export const BOUGHT = 'bought';
export const TRAILER = 'a trailer behind its chunks';

const CRLF = '\r\n';
const NEXT = Buffer.from(rawRequest('GET /api/v1/sync/stock/1', {})).toString('latin1');

/** Something that a client sends around a purchase, in one write. */
export interface OddClient {
  /** Behind "a purchase with". */
  readonly what: string;
  bytes(purchase: PurchaseBytes): string;
  /** Of the answers by RFC 9112: `BOUGHT` stands for the purchase's own. */
  readonly statuses: readonly (number | typeof BOUGHT)[];
  /** What Bun's server says instead, before it closes the connection; none where it is right. */
  readonly bunSays?: readonly number[];
}

export const ODD_CLIENTS: readonly OddClient[] = [
  { what: 'a line end before it', bytes: ({ plain }) => CRLF + plain(), statuses: [BOUGHT], bunSays: [400] },
  {
    what: 'a line end behind its body',
    bytes: ({ plain }) => plain() + CRLF,
    statuses: [BOUGHT],
    bunSays: [400],
  },
  {
    what: TRAILER,
    bytes: ({ chunked }) => chunked(`X-Checksum: 1${CRLF}`),
    statuses: [BOUGHT],
    bunSays: [400],
  },
  {
    what: 'the next request behind it',
    bytes: ({ plain }) => plain() + NEXT,
    statuses: [BOUGHT, 200],
    bunSays: [],
  },
  { what: 'chunks and no trailer', bytes: ({ chunked }) => chunked(''), statuses: [BOUGHT] },
  {
    what: '`Connection: close` and a line end behind its body',
    bytes: ({ plain }) => plain({ Connection: 'close' }) + CRLF,
    statuses: [BOUGHT],
  },
  {
    what: '`Connection: close` and the next request behind it',
    bytes: ({ plain }) => plain({ Connection: 'close' }) + NEXT,
    statuses: [BOUGHT],
  },
  {
    what: '`Expect: 100-continue`',
    bytes: ({ plain }) => plain({ Expect: '100-continue' }),
    statuses: [100, BOUGHT],
  },
  {
    what: 'HTTP/1.0 and a line end behind its body',
    bytes: ({ plain }) => plain().replace('HTTP/1.1', 'HTTP/1.0') + CRLF,
    statuses: [BOUGHT],
  },
];

/** The statuses of the answers so far, once there are so many or the connection is closed. */
export async function statusesHeard(connection: RawConnection, count: number): Promise<number[]> {
  const statuses = () =>
    Array.from(connection.text().matchAll(/HTTP\/1\.[01] (\d{3}) /g), ([, status]) => Number(status));
  await eventually(() => statuses().length >= count || connection.isClosed());
  return statuses();
}
