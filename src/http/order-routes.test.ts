import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openHouse } from '../../test/support/settlement-house.ts';
import { AppError } from '../domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../domain/ids.ts';
import { createEndings } from '../settlement/endings.ts';
import { createOrderRoutes } from './order-routes.ts';
import { json } from './respond.ts';
import type { Service } from './service.ts';

/** What is answered when the ledger is lost between an end of an order and the reading of it. */

let house: ReturnType<typeof openHouse>;
let server: Bun.Server<unknown>;
let isLost = false;

beforeAll(async () => {
  house = openHouse();
  await house.open();
  const ledger = {
    ...house.ledger,
    order: (orderId: string) =>
      isLost ? Promise.reject(new AppError('unavailable', 'no ledger')) : house.ledger.order(orderId),
  };
  const endings = createEndings({
    ledger,
    follow: async () => {},
    onOrders: () => {},
    refundSoon: () => {},
  });
  const service = {
    ledger,
    endings,
    ids: createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now),
    desk: { isPending: () => false },
    operators: { token: null, mode: 'development' },
  };
  const routes = createOrderRoutes(service as unknown as Service);
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes,
    fetch: () => new Response(),
    error: (error) => json({ code: (error as AppError).code }, 503),
  });
});
afterAll(async () => {
  server.stop(true);
  await house.close();
});

async function end(orderId: string, how: 'cancel' | 'refund', body: object): Promise<unknown> {
  const url = new URL(`/api/v1/orders/${orderId}/${how}`, server.url);
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const { code, status } = (await response.json()) as { code?: string; status: unknown };
  return code ?? status;
}

test('an order that was ended and cannot be read is not answered as if nothing had been done', async () => {
  const [cancelled, refunded] = await house.reserve('ann', 'bob');
  const [lease] = await house.ledger.lease([refunded!], 30_000);
  const result = { type: 'captured' as const, providerId: 'p1' };
  await house.ledger.settle([{ orderId: refunded!, attempt: lease!.attempt, leases: 1, result }]);

  isLost = true;
  expect(await end(cancelled!, 'cancel', { userId: 'ann' })).toBe('outcome_unknown');
  expect(await end(refunded!, 'refund', { reason: 'broken' })).toBe('outcome_unknown');
  expect((await house.order(cancelled!)).status).toBe('cancelled');
  expect((await house.order(refunded!)).status).toBe('refunding');

  isLost = false;
  expect(await end(cancelled!, 'cancel', { userId: 'ann' })).toBe('cancelled');
  expect(await end(refunded!, 'refund', { reason: 'broken' })).toBe('refunding');
});
