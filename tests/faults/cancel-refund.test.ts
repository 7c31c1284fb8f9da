import { describe, expect, test } from 'bun:test';
import { randomFrom } from '../../src/lib/random.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { seedOf } from '../support/seed.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';

/**
 * `kill -9` of the server while people end their orders: between a refund's 202 and the company's answer, and in the middle
 * of many cancels. What was answered holds, what was cut off can be asked for again, and each order has one end.
 */

const seed = seedOf(import.meta.path);

const ORDERS = 40;
/** Refunds that were being asked for are due again soon after the kill. */
const SOON = { PULSECART_PAYMENT_LEASE_MS: '1000', PULSECART_SIMULATOR_TIMEOUT_MS: '200' };
/** The company answers no refund before the kill. */
const SLOW = { ...SOON, PULSECART_SIMULATOR_LATENCY_MS: '60000' };
/** Hundreds of calls at once may take a busy machine some time. */
const PATIENT = { PULSECART_PURCHASE_TIMEOUT_MS: '30000' };
/** Nobody asks the company. */
const IDLE = { PULSECART_PAYMENTS: 'off' };

/** More of them by `npm run chaos`; each of them cuts somebody. */
const CANCEL_ROUNDS = 2;
const CANCELS = 300;
const BACKGROUND_PURCHASES = 100;
/** Calls answered before the kill, of those that are on their way. */
const ANSWERED_SHARE_MAX = 0.7;

const TEST_TIMEOUT_MS = 180_000;
const PRODUCT = 1;
const REASON = { reason: 'the whole batch is broken' };

/** What a caller heard: the status, or that the connection was cut. */
type Heard = number | 'cut';

describe('on the embedded backends', () => injectFaults((env) => openShop({ ...PATIENT, ...env })));

onDistributedBackends(() => injectFaults((env) => openDistributedShop({ env: { ...PATIENT, ...env } })));

function injectFaults(open: (env: Record<string, string>) => Promise<Shop>): void {
  test(
    'refunds that a killed server had promised are carried out, once each',
    async () => {
      const random = randomFrom(seed);
      await using shop = await open({});
      await shop.reset(PRODUCT, ORDERS);
      const ids = await buy(shop, ORDERS);
      await eventually(async () => (await statuses(shop, ids)).every((status) => status === 'paid'));
      await shop.restart({ ...PATIENT, ...SLOW });
      const heard = await cutShort(shop, ids, random, (id) => refund(shop, id));
      expect(heard.filter((one) => one !== 202 && one !== 'cut')).toEqual([]);

      await shop.restart({ ...PATIENT, ...IDLE });
      const after = await statuses(shop, ids);
      // No money came back before the kill, and none has since.
      heard.forEach((one, i) => {
        expect(one === 202 ? ['refunding'] : ['paid', 'refunding']).toContain(after[i]!);
      });
      await shop.restart({ ...PATIENT, ...SOON });
      const again = await Promise.all(ids.map((id) => hear(refund(shop, id))));
      expect(again.filter((one) => one !== 200 && one !== 202)).toEqual([]);
      await eventually(async () => (await statuses(shop, ids)).every((status) => status === 'refunded'));
      expect(await freeUnits(shop)).toBe(ORDERS);
      const { operations } = (await shop.get('/api/v1/ops/log?limit=1000')).json;
      const refunds = operations.filter(({ action }: { action: string }) => action === 'order.refund');
      expect(refunds.map(({ subject }: { subject: string }) => subject).toSorted()).toEqual(
        ids.map((id) => `order/${id}`).toSorted(),
      );
      expect((await shop.readBooks()).breaches).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    `${CANCEL_ROUNDS} kills in the middle of cancels leave each order cancelled or not, and none twice`,
    async () => {
      const random = randomFrom(seed + 1);
      await using shop = await open(IDLE);
      for (let round = 0; round < CANCEL_ROUNDS; round++) {
        await shop.reset(PRODUCT, CANCELS + BACKGROUND_PURCHASES);
        const ids = await buy(shop, CANCELS);
        const bought = buy(shop, BACKGROUND_PURCHASES).catch(() => []);
        const heard = await cutShort(shop, ids, random, (id, i) => cancel(shop, id, i));
        await bought;
        expect(heard.filter((one) => one !== 200 && one !== 'cut')).toEqual([]);

        await shop.restart();
        const after = await statuses(shop, ids);
        heard.forEach((one, i) => {
          expect(one === 200 ? ['cancelled'] : ['reserved', 'cancelled']).toContain(after[i]!);
        });
        const free = await freeUnits(shop);
        const open = after.filter((status) => status === 'reserved').length;
        const again = await Promise.all(ids.map((id, i) => hear(cancel(shop, id, i))));
        expect(again.filter((one) => one !== 200)).toEqual([]);
        expect(await freeUnits(shop)).toBe(free + open);
        expect((await shop.readBooks()).breaches).toEqual([]);
      }
    },
    TEST_TIMEOUT_MS,
  );
}

/**
 * Asks for all at once, except for the last one: that is asked for when so many were answered, and in the same moment the
 * server is killed. So at each kill somebody has an answer, and somebody waits for one.
 */
async function cutShort(
  shop: Shop,
  ids: readonly string[],
  random: () => number,
  ask: (id: string, i: number) => Promise<{ readonly status: number }>,
): Promise<Heard[]> {
  const answeredMax = 1 + Math.floor(random() * ids.length * ANSWERED_SHARE_MAX);
  const last = ids.length - 1;
  let answered = 0;
  let cut: Promise<Heard> | undefined;
  const heard = await Promise.all(
    ids.slice(0, last).map(async (id, i) => {
      const one = await hear(ask(id, i));
      if (++answered >= answeredMax && !cut) {
        // Stopped first: otherwise the server may have answered by the time it is killed.
        process.kill(shop.server.pid, 'SIGSTOP');
        cut = hear(ask(ids[last]!, last));
        process.kill(shop.server.pid, 'SIGKILL');
      }
      return one;
    }),
  );
  await shop.server.kill();
  const all = [...heard, await cut!];
  expect(all.filter((one) => one !== 'cut').length).toBeGreaterThanOrEqual(answeredMax);
  expect(all.at(-1)).toBe('cut');
  return all;
}

function refund(shop: Shop, orderId: string) {
  return shop.call('POST', `/api/v1/orders/${orderId}/refund`, { body: REASON });
}

function cancel(shop: Shop, orderId: string, buyer: number) {
  return shop.call('POST', `/api/v1/orders/${orderId}/cancel`, { body: { userId: `buyer-${buyer}` } });
}

/** One unit for each of so many buyers; answers the order ids. */
async function buy(shop: Shop, count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      shop.buy('sync', { productId: PRODUCT, quantity: 1, userId: `buyer-${i}` }),
    ),
  );
  return answers.map(({ json }) => json.orderId);
}

async function statuses(shop: Shop, ids: readonly string[]): Promise<string[]> {
  return Promise.all(ids.map(async (id) => (await shop.get(`/api/v1/orders/${id}`)).json.status));
}

async function freeUnits(shop: Shop): Promise<number> {
  return (await shop.readBooks()).products
    .filter(({ id }) => id === PRODUCT)
    .map(({ total, reserved, sold }) => total - reserved - sold)[0]!;
}

async function hear(call: Promise<{ readonly status: number }>): Promise<Heard> {
  return call.then(
    ({ status }) => status,
    () => 'cut',
  );
}
