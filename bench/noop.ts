/**
 * The baseline for every figure: the least work of a Bun server for the same requests. It parses the same body and answers
 * the same status, headers and bytes as the real server, and decides nothing.
 *
 * Runs as a process of its own, `pulsecart noop [win | sold-out]`, until SIGTERM, and prints one `ready` line, as the real
 * server does.
 */
export async function noop([answer]: readonly string[]): Promise<number> {
  const stopped = new Promise((resolve) => process.once('SIGTERM', resolve));
  const server = serve(answer === 'sold-out');
  console.log(JSON.stringify({ msg: 'ready', url: server.url.origin, pid: process.pid }));
  await stopped;
  void server.stop(true);
  return 0;
}

/** As every answer of the real server has it. */
const NOT_GUESSED = { 'X-Content-Type-Options': 'nosniff' };
const JSON_TYPE = 'application/json';
const ID = '0198f2c4-7b1e-7c3a-9f52-3d1b6a80c4e7';
const TIMESTAMP = '2026-01-01T00:00:00.000Z';

const WON = JSON.stringify({
  success: true,
  message: 'Purchase successful',
  orderId: ID,
  productId: 1,
  quantity: 1,
  remainingStock: 1_999_999_999,
  timestamp: TIMESTAMP,
  amountMinor: 99_999,
  currency: 'USD',
});
const SOLD_OUT = JSON.stringify({
  success: false,
  message: 'Out of stock. Requested: 1, Available: 0',
  orderId: null,
  productId: 1,
  quantity: 1,
  remainingStock: 0,
  timestamp: TIMESTAMP,
  code: 'sold_out',
});
const ACCEPTED = JSON.stringify({
  accepted: true,
  message: 'Purchase request accepted',
  trackingId: ID,
  productId: 1,
  quantity: 1,
  timestamp: TIMESTAMP,
});
const STOCK = JSON.stringify({ productId: 1, stock: 2_000_000_000 });

const acceptedInit = {
  status: 202,
  headers: {
    ...NOT_GUESSED,
    'Content-Type': JSON_TYPE,
    'Cache-Control': 'no-store',
    Location: `/api/v1/async/purchase/${ID}`,
  },
};
const stockInit = {
  headers: { ...NOT_GUESSED, 'Content-Type': JSON_TYPE, ETag: '"1"', 'Cache-Control': 'no-cache' },
};

function serve(soldOut: boolean) {
  const syncBody = soldOut ? SOLD_OUT : WON;
  const syncInit = {
    status: soldOut ? 409 : 200,
    headers: { ...NOT_GUESSED, 'Content-Type': JSON_TYPE, 'Cache-Control': 'no-store' },
  };
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/api/v1/sync/purchase': {
        POST: async (request) => {
          await request.json();
          return new Response(syncBody, syncInit);
        },
      },
      '/api/v1/async/purchase': {
        POST: async (request) => {
          await request.json();
          return new Response(ACCEPTED, acceptedInit);
        },
      },
      '/api/v1/sync/stock/:productId': {
        GET: (request) => {
          void request.params.productId;
          return new Response(STOCK, stockInit);
        },
      },
    },
    fetch: () => new Response('{"code":"not_found"}', { status: 404 }),
  });
}
