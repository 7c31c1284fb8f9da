import type { Socket } from 'bun';

/** About the size of the batches of a crowd. */
const CONNECTIONS = 64;

/**
 * Sends what a crowd sends, until `untilMs` on the clock of `performance.now()`: purchases both ways, refusals, bad
 * input and reads. Outcomes of async purchases are waited for where something decides them. Returns how many requests were sent.
 *
 * What comes back counts as the answer, whole or not: a request behind an answer that is still coming does no harm here.
 */
export async function sendMadeUp(
  { host, hostname, port }: URL,
  products: Products,
  { untilMs, isDecided }: { readonly untilMs: number; readonly isDecided: boolean },
): Promise<number> {
  const requests = requestsFor(host, products);
  let sent = 0;
  function answer(socket: Socket, data: Buffer): void {
    if (performance.now() > untilMs) return void socket.terminate();
    const trackingId = data.includes(ACCEPTED) && /"trackingId":"([^"]+)"/.exec(data.toString('latin1'))?.[1];
    const n = sent++;
    socket.write(
      trackingId
        ? get(host, `/api/v1/async/purchase/${trackingId}${isDecided ? '?wait=1s' : ''}`)
        : requests[n % requests.length]!(n),
    );
  }
  const ends = Array.from({ length: CONNECTIONS }, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const connection = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: (socket) => answer(socket, NOTHING),
        data: answer,
        close: () => resolve(),
        error: (_, error) => reject(error),
      },
    });
    // Also one that waits for an answer.
    const end = setTimeout(() => connection.terminate(), Math.max(0, untilMs - performance.now()));
    return promise.finally(() => clearTimeout(end));
  });
  await Promise.all(ends);
  return sent;
}

const ACCEPTED = Buffer.from('HTTP/1.1 202');
const NOTHING = Buffer.alloc(0);

/** One that is never sold out, and one that soon is. */
type Products = Readonly<Record<'plenty' | 'few', { readonly id: number }>>;
type MakeRequest = (n: number) => string;

function requestsFor(host: string, { plenty, few }: Products): MakeRequest[] {
  const post = (path: string, body: string, n: number, head = '') =>
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nX-Forwarded-For: ${addressOf(n)}\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  // Of this process alone: another one that warms up would wait for a key that it has, too.
  const name = `warm-up-${crypto.randomUUID()}`;
  const purchase = ({ id }: { readonly id: number }, n: number, quantity = 1) =>
    `{"productId":${id},"quantity":${quantity},"userId":"${name}-${n}"}`;
  const buys =
    (path: string, product: { readonly id: number }): MakeRequest =>
    (n) =>
      post(path, purchase(product, n), n);
  /** Some of one buyer have one key: the first is decided, the others repeat it. */
  const keyed: MakeRequest = (n) => post(SYNC, purchase(plenty, n >> 7), n, `Idempotency-Key: ${n >> 7}\r\n`);
  const [win, lose, queue, queueLoser] = [
    buys(SYNC, plenty),
    buys(SYNC, few),
    buys(ASYNC, plenty),
    buys(ASYNC, few),
  ] as const;
  const reads =
    (path: string): MakeRequest =>
    () =>
      get(host, path);
  const stock = reads(`/api/v1/sync/stock/${plenty.id}`);
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
  return `198.18.${(n >> 8) & 255}.${n & 255}`;
}
