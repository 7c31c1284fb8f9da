import { describe, expect, test } from 'bun:test';
import { randomFrom } from '../../src/domain/random.ts';
import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { seedOf } from '../support/seed.ts';
import { eventually, openShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/**
 * `kill -9` of the server while people end their orders: between a refund's 202 and the company's answer, and in the middle
 * of many cancels. What was answered holds, what was cut off can be asked for again, and each order has one end.
 */

const seed = seedOf(import.meta.path);

const ORDERS = 40;
/** The company answers so slowly that a kill soon after the request comes before it. */
const SLOW_MS = 2_000;
const KILL_REFUNDS_MS_MAX = 500;
/** A refund that was being asked for is due again half a minute later. */
const REFUNDED_DEADLINE_MS = 90_000;

const CANCEL_ROUNDS = 4;
const CANCELS = 300;
const BACKGROUND_PURCHASES = 100;
/** Cancels answered before the kill, of those that are on their way. */
const ANSWERED_MAX = CANCELS * 0.7;

const TEST_TIMEOUT_MS = 180_000;
const PRODUCT = 1;
const REASON = { reason: 'the whole batch is broken' };

/** What a caller heard: the status, or that the connection was cut. */
type Heard = number | 'cut';

describe('on the embedded engines', () => liveThrough((env) => openShop(env)));

onProductionEngines(() => liveThrough((env) => openProductionShop({ env })));

function liveThrough(open: (env: Record<string, string>) => Promise<Shop>): void {
  test(
    'refunds that a killed server had promised are carried out, once each',
    async () => {
      const random = randomFrom(seed);
      await using shop = await open({ PULSECART_SIMULATOR_LATENCY_MS: String(SLOW_MS) });
      await shop.reset(PRODUCT, ORDERS);
      const ids = await buy(shop, ORDERS);
      await eventually(async () => (await statuses(shop, ids)).every((status) => status === 'paid'));

      const killed = Bun.sleep(random() * KILL_REFUNDS_MS_MAX).then(() => crash(shop));
      // One half at once, the other one in its own time, so that some are cut before they are answered.
      const heard = await Promise.all(
        ids.map(async (id, i) => {
          await Bun.sleep(i % 2 === 0 ? 0 : random() * KILL_REFUNDS_MS_MAX);
          return hear(shop.call('POST', `/api/v1/orders/${id}/refund`, { body: REASON }));
        }),
      );
      await killed;
      expect(heard.filter((one) => one !== 202 && one !== 'cut')).toEqual([]);
      expect(heard).toContain(202);

      await shop.restart({ PULSECART_SIMULATOR_LATENCY_MS: '1' });
      const after = await statuses(shop, ids);
      heard.forEach((one, i) => {
        expect(one === 202 ? ['refunding', 'refunded'] : ['paid', 'refunding', 'refunded']).toContain(
          after[i]!,
        );
      });
      // Those that were being asked for at the kill have to wait; without any the kill showed nothing.
      expect(after).toContain('refunding');
      const again = await Promise.all(
        ids.map((id) => hear(shop.call('POST', `/api/v1/orders/${id}/refund`, { body: REASON }))),
      );
      expect(again.filter((one) => one !== 200 && one !== 202)).toEqual([]);
      await until(
        async () => (await statuses(shop, ids)).every((status) => status === 'refunded'),
        REFUNDED_DEADLINE_MS,
      );
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
      await using shop = await open({ PULSECART_SETTLEMENT: 'off' });
      let cut = 0;
      for (let round = 0; round < CANCEL_ROUNDS; round++) {
        await shop.reset(PRODUCT, CANCELS + BACKGROUND_PURCHASES);
        const ids = await buy(shop, CANCELS);
        const bought = buy(shop, BACKGROUND_PURCHASES).catch(() => []);
        const heard = await cancelsCutShort(shop, ids, 1 + Math.floor(random() * ANSWERED_MAX));
        await bought;
        cut += heard.filter((one) => one === 'cut').length;
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
      // A kill that comes before or after all cancels shows nothing.
      expect(cut).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );
}

/** Cancels all at once, and kills the server when so many were answered. */
async function cancelsCutShort(shop: Shop, ids: readonly string[], answeredMax: number): Promise<Heard[]> {
  let answered = 0;
  let killed: Promise<void> | undefined;
  const heard = await Promise.all(
    ids.map(async (id, i) => {
      const one = await hear(cancel(shop, id, i));
      if (++answered >= answeredMax) killed ??= crash(shop);
      return one;
    }),
  );
  await killed;
  return heard;
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

async function crash(shop: Shop): Promise<void> {
  process.kill(shop.server.pid, 'SIGKILL');
  await shop.server.kill();
}
