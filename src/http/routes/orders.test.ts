import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openPaymentsFixture } from '../../../tests/support/payments-fixture.ts';
import { AppError } from '../../domain/errors.ts';
import { createPurchaseIds, PURCHASE_ID_KEY_BYTES } from '../../domain/ids.ts';
import { createLog } from '../../telemetry/log.ts';
import { NO_BUYERS } from '../buyers/buyers.ts';
import { createTrustedProxies } from '../client-address.ts';
import { handlersOf } from '../server.ts';
import type { Service } from '../service.ts';
import { createOrderRoutes } from './orders.ts';

/** What is answered when the ledger is lost between an end of an order and the reading of it. */

const TOKEN = 'a-token-of-enough-characters';
const ids = createPurchaseIds(new Uint8Array(PURCHASE_ID_KEY_BYTES), Date.now);
let fixture: ReturnType<typeof openPaymentsFixture>;
let server: Bun.Server<unknown>;
let isLost = false;
/** Nothing that is asked is answered. */
let isSilent = false;
const TIMEOUT_MS = 500;
const never = new Promise<never>(() => {});

beforeAll(async () => {
  fixture = openPaymentsFixture();
  await fixture.open();
  const ledger = {
    ...fixture.ledger,
    cancel: (...args: Parameters<typeof fixture.ledger.cancel>) =>
      isSilent ? never : fixture.ledger.cancel(...args),
    order: async (orderId: string) => {
      if (isSilent) await never;
      return isLost
        ? Promise.reject(new AppError('unavailable', 'no ledger'))
        : fixture.ledger.order(orderId);
    },
  };
  const service = {
    ledger,
    ids,
    buyers: NO_BUYERS,
    purchaseTimeoutMs: TIMEOUT_MS,
    operators: { token: TOKEN, trustsThisMachine: false },
    trustedProxies: createTrustedProxies([]),
  };
  const routes = handlersOf(createOrderRoutes(service as unknown as Service), createLog('silent'));
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: routes as Bun.Serve.Routes<unknown, string>,
    fetch: () => new Response(),
  });
});
afterAll(async () => {
  server.stop(true);
  await fixture.close();
});

async function end(orderId: string, how: 'cancel' | 'refund', body: object): Promise<unknown> {
  const url = new URL(`/api/v1/orders/${orderId}/${how}`, server.url);
  const headers = {
    'Content-Type': 'application/json',
    ...(how === 'refund' && { Authorization: `Bearer ${TOKEN}` }),
  };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const { code, status } = (await response.json()) as { code?: string; status: unknown };
  return code ?? status;
}

test('an order that was ended and cannot be read is not answered as if nothing had been done', async () => {
  const [cancelled, refunded] = await fixture.reserve('ann', 'bob');
  const [lease] = await fixture.ledger.lease([refunded!], 30_000);
  const result = { type: 'captured' as const, providerId: 'p1' };
  await fixture.ledger.settle([{ orderId: refunded!, attempt: lease!.attempt, leases: 1, result }]);

  isLost = true;
  expect(await end(cancelled!, 'cancel', { userId: 'ann' })).toBe('outcome_unknown');
  expect(await end(refunded!, 'refund', { reason: 'broken' })).toBe('outcome_unknown');
  expect((await fixture.order(cancelled!)).status).toBe('cancelled');
  expect((await fixture.order(refunded!)).status).toBe('refunding');

  isLost = false;
  expect(await end(cancelled!, 'cancel', { userId: 'ann' })).toBe('cancelled');
  expect(await end(refunded!, 'refund', { reason: 'broken' })).toBe('refunding');
});

test('P7 one deadline: who reads or ends an order hears within the time of a purchase that the ledger is silent', async () => {
  const orderId = ids.mint();
  isSilent = true;
  const startedAtMs = performance.now();
  const read = fetch(new URL(`/api/v1/orders/${orderId}`, server.url)).then((response) => response.json());
  expect(await Promise.all([read, end(orderId, 'cancel', { userId: 'ann' })])).toMatchObject([
    { code: 'unavailable' },
    'outcome_unknown',
  ]);
  // A loaded machine may take its time; silence lasted until the connection was cut.
  expect(performance.now() - startedAtMs).toBeLessThan(TIMEOUT_MS + 2_000);
  isSilent = false;
});
