import type { Socket } from 'bun';

/** About the size of the batches of a crowd. */
const CONNECTIONS = 64;

/**
 * Sends what a crowd sends, in its proportions, until `untilMs` on the clock of `performance.now()`: purchases both ways, refusals, bad
 * input and reads. Returns how many requests were answered.
 *
 * What comes back counts as the answer, whole or not: a request behind an answer that is still coming does no harm here.
 */
export async function sendMadeUp(
  { host, hostname, port }: URL,
  products: { readonly plenty: number; readonly soldOut: number },
  untilMs: number,
): Promise<number> {
  const requests = requestsFor(host, products);
  let sent = 0;
  function answer(socket: Socket, data: Buffer): void {
    if (performance.now() > untilMs) return void socket.end();
    const trackingId = data.includes(ACCEPTED) && /"trackingId":"([^"]+)"/.exec(data.toString('latin1'))?.[1];
    const n = sent++;
    socket.write(
      trackingId ? get(host, `/api/v1/async/purchase/${trackingId}?wait=1s`) : requests[n % requests.length]!(n),
    );
  }
  const ends = Array.from({ length: CONNECTIONS }, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    await Bun.connect({
      hostname,
      port: Number(port),
      socket: { open: (socket) => answer(socket, NOTHING), data: answer, close: () => resolve(), error: (_, error) => reject(error) },
    });
    return promise;
  });
  await Promise.all(ends);
  return sent;
}

const ACCEPTED = Buffer.from('HTTP/1.1 202');
const NOTHING = Buffer.alloc(0);

type MakeRequest = (n: number) => string;

function requestsFor(host: string, { plenty, soldOut }: { plenty: number; soldOut: number }): MakeRequest[] {
  const post = (path: string, body: string, n: number, head = '') =>
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nX-Forwarded-For: ${addressOf(n)}\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  const purchase = (productId: number, n: number, quantity = 1) =>
    `{"productId":${productId},"quantity":${quantity},"userId":"warm-up-${n}"}`;
  const buys =
    (path: string, productId: number): MakeRequest =>
    (n) =>
      post(path, purchase(productId, n), n);
  const keyed: MakeRequest = (n) => post(SYNC, purchase(plenty, n), n, `Idempotency-Key: warm-up-${n >> 6}\r\n`);
  const [win, lose, queue, queueLoser] = [
    buys(SYNC, plenty),
    buys(SYNC, soldOut),
    buys(ASYNC, plenty),
    buys(ASYNC, soldOut),
  ] as const;
  const reads = (path: string): MakeRequest => () => get(host, path);
  const stock = reads(`/api/v1/sync/stock/${plenty}`);
  return [
    ...[win, lose, win, queue, win, lose, win, queueLoser, stock, win, keyed, win, lose, win, queue],
    (n) => post(SYNC, purchase(plenty, n, 0), n),
    ...[win, lose, win, queue, win, lose, win, queueLoser, stock, win, keyed, win, lose, win, queue],
    (n) => post(ASYNC, purchase(plenty, n).slice(1), n),
    ...[win, lose, win, queue, win, lose, win, queueLoser, stock, win, keyed, win, lose, win, queue],
    reads('/api/v1/products'),
    ...[win, lose, win, queue, win, lose, win, queueLoser, stock, win, keyed, win, lose, win, queue],
    reads('/'),
  ];
}

const SYNC = '/api/v1/sync/purchase';
const ASYNC = '/api/v1/async/purchase';

function get(host: string, path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

/** Of another buyer each time, where proxies are believed. */
function addressOf(n: number): string {
  return `203.0.${(n >> 8) & 255}.${n & 255}`;
}
