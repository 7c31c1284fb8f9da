import { expect, test } from 'bun:test';
import { until } from '../../../tests/support/until.ts';
import { AppError } from '../../domain/errors.ts';
import type { Order } from '../../domain/order.ts';
import type { OrderFilter, OrdersFound } from '../../ports/queries.ts';
import { createLog } from '../../telemetry/log.ts';
import { createTrustedProxies } from '../client-address.ts';
import { handlersOf } from '../server.ts';
import type { Service } from '../service.ts';
import { createOrderListRoutes } from './order-list.ts';

const TOKEN = 'a-token-of-enough-characters';
/** Enough that no buffer between a server and its client takes them all. */
const PAGES = 20_000;

const order: Order = {
  id: '01a2040e-e549-70c2-8a78-490084e26084',
  productId: 1,
  generation: 1,
  number: 1,
  customer: 'ann',
  quantity: 1,
  priceMinor: 100,
  currency: 'EUR',
  channel: 'sync',
  status: 'paid',
  remaining: 1,
  createdAt: 0,
  expiresAt: 0,
  attempts: 1,
  updatedAt: 0,
};

/** A server whose ledger finds a page whenever it is asked, until one fails. */
function open(failsAt = Number.POSITIVE_INFINITY) {
  const state = { pages: 0 };
  const ledger = {
    async searchOrders(_: OrderFilter, limit: number): Promise<OrdersFound> {
      if (++state.pages >= failsAt) throw new AppError('unavailable', 'the database is away');
      return { orders: Array(limit).fill(order), next: state.pages === PAGES ? null : order.id };
    },
  };
  const service = {
    ledger,
    clock: Date.now,
    log: createLog('silent'),
    operators: { token: TOKEN, trustsThisMachine: false },
    trustedProxies: createTrustedProxies([]),
  } as unknown as Service;
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: handlersOf(createOrderListRoutes(service), service.log) as Bun.Serve.Routes<unknown, string>,
  });
  const get = () =>
    fetch(new URL('/api/v1/orders.csv', server.url), { headers: { Authorization: `Bearer ${TOKEN}` } });
  return { state, get, [Symbol.asyncDispose]: () => server.stop(true) };
}

test('an export whose ledger is away is refused before it begins', async () => {
  await using shop = open(1);
  const answer = await shop.get();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
});

test('an export that breaks off in the middle is no complete file to its reader', async () => {
  await using shop = open(4);
  const answer = await shop.get();
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow();
});

test('an export is read only as far as its reader takes it', async () => {
  await using shop = open();
  const reader = (await shop.get()).body!.getReader();
  await reader.read();
  let before = -1;
  // Buffers of the connection fill up, and then nothing more is read.
  await until(async () => {
    const stands = shop.state.pages === before;
    before = shop.state.pages;
    await Bun.sleep(50);
    return stands && shop.state.pages === before;
  });
  expect(shop.state.pages).toBeLessThan(PAGES / 4);
  await reader.cancel();
});
