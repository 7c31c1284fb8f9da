import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Answer } from '../support/caller.ts';
import { eventually, type Shop } from '../support/shop.ts';

/** Steps that meet at one order or one product: whoever comes first, there is one outcome, and everybody hears that one. */

export interface AtOnceContract {
  readonly openShop: (env: Record<string, string>) => Promise<Shop>;
}

/** Slower than a cancellation and, for half of them, than the shortest hold. */
const COMPANY = {
  PULSECART_SIMULATOR_LATENCY_MS: '500',
  PULSECART_SIMULATOR_JITTER_MS: '1000',
};
const OPEN_TIMEOUT_MS = 90_000;
const CROWD = 30;
const REASON = { reason: 'at once' };
const FINAL = ['paid', 'declined', 'expired', 'cancelled', 'refunded'];

export function describeAtOnce({ openShop }: AtOnceContract): void {
  let shop: Shop;

  function openForAll(env: Record<string, string>): void {
    beforeAll(async () => {
      shop = await openShop(env);
    }, OPEN_TIMEOUT_MS);
    afterAll(() => shop[Symbol.asyncDispose](), OPEN_TIMEOUT_MS);
  }

  async function createProduct(units: number, holdSeconds = 600): Promise<number> {
    const product = { name: 'Thing', priceMinor: 700, currency: 'EUR', units, holdSeconds, ...REASON };
    const { status, json } = await shop.call('POST', '/api/v1/products', { body: product });
    expect(status).toBe(201);
    return json.productId;
  }

  async function buyAll(productId: number): Promise<string[]> {
    const bought = await Promise.all(
      Array.from({ length: CROWD }, (_, i) =>
        shop.buy('sync', { productId, quantity: 1, userId: `buyer ${i}` }),
      ),
    );
    return bought.map(({ json }) => json.orderId);
  }

  const cancel = (orderId: string, body: object, headers = {}): Promise<Answer> =>
    shop.call('POST', `/api/v1/orders/${orderId}/cancel`, { body, headers });
  const asOperator = () => ({ Authorization: `Bearer ${shop.server.operatorToken}` });
  const refund = (orderId: string) => shop.call('POST', `/api/v1/orders/${orderId}/refund`, { body: REASON });
  const order = async (orderId: string) => (await shop.get(`/api/v1/orders/${orderId}`)).json;
  const product = async (id: number) => (await shop.get(`/api/v1/products/${id}`)).json;

  /** The status in which each of them ends. */
  async function ends(orderIds: readonly string[]): Promise<string[]> {
    const statuses = async () => Promise.all(orderIds.map(async (id) => (await order(id)).status as string));
    await eventually(async () => (await statuses()).every((status) => FINAL.includes(status)));
    return statuses();
  }

  async function expectConserved(productId: number, statuses: readonly string[]): Promise<void> {
    const sold = statuses.filter((status) => status === 'paid').length;
    await eventually(async () => (await product(productId)).available === CROWD - sold);
    expect(await product(productId)).toMatchObject({ total: CROWD, reserved: 0, sold });
    expect((await shop.readBooks()).breaches).toEqual([]);
  }

  describe('at once', () => {
    openForAll(COMPANY);

    test('a buyer and an operator cancel the same orders, before their charges and during them', async () => {
      const productId = await createProduct(CROWD);
      const orderIds = await buyAll(productId);
      const answers = await Promise.all(
        orderIds.map(async (id, i) => {
          // A charge takes half a second at least, so those who see one cancel in the middle of it.
          if (i % 2) await eventually(async () => (await order(id)).status !== 'reserved');
          return Promise.all([cancel(id, { userId: `buyer ${i}` }), cancel(id, REASON, asOperator())]);
        }),
      );
      const statuses = await ends(orderIds);
      for (const [i, [buyers, operators]] of answers.entries()) {
        const heard = [buyers.status, operators.status];
        if (i % 2) expect([...heard, statuses[i]]).toEqual([409, 409, 'paid']);
        else expect(heard).toEqual(statuses[i] === 'cancelled' ? [200, 200] : [409, 409]);
        for (const { status, json } of [buyers, operators]) {
          if (status === 409) expect(['order_charging', 'order_paid']).toContain(json.code);
        }
        const { payments } = await order(orderIds[i]!);
        const captured = payments.filter(({ status }: { status: string }) => status === 'captured');
        expect([statuses[i], captured.length]).toEqual([statuses[i], statuses[i] === 'paid' ? 1 : 0]);
      }
      await expectConserved(productId, statuses);
    });

    test('everybody refunds and cancels the same paid orders, and the money goes back once', async () => {
      const productId = await createProduct(CROWD);
      const orderIds = await buyAll(productId);
      expect(new Set(await ends(orderIds))).toEqual(new Set(['paid']));
      await Promise.all(
        orderIds.map(async (id, i) => {
          const [first, second, cancelled] = await Promise.all([
            refund(id),
            refund(id),
            cancel(id, { userId: `buyer ${i}` }),
          ]);
          for (const { status } of [first, second]) expect([200, 202]).toContain(status);
          expect(cancelled.status).toBe(409);
        }),
      );
      const statuses = await ends(orderIds);
      expect(new Set(statuses)).toEqual(new Set(['refunded']));
      for (const id of orderIds) expect((await order(id)).payments).toMatchObject([{ status: 'refunded' }]);
      await expectConserved(productId, statuses);
    });

    test('operators take the last free units away while buyers buy them', async () => {
      const productId = await createProduct(CROWD);
      const takeOne = () =>
        shop.call('POST', `/api/v1/products/${productId}/units`, { body: { delta: -1, ...REASON } });
      const buyOne = () => shop.buy('sync', { productId, quantity: 1 });
      const answers = await Promise.all(
        Array.from({ length: 2 * CROWD }, (_, i) => (i % 2 ? takeOne() : buyOne())),
      );
      const done = (takers: boolean) =>
        answers.filter(({ status }, i) => status === 200 && (i % 2 === 1) === takers).length;
      expect(done(true) + done(false)).toBe(CROWD);
      const refused = answers.filter(({ status }) => status !== 200);
      for (const { status, json } of refused) {
        expect([status, ['sold_out', 'units_below_committed'].includes(json.code)]).toEqual([409, true]);
      }
      expect(await product(productId)).toMatchObject({ total: done(false), available: 0 });
      expect((await shop.readBooks()).breaches).toEqual([]);
    });
  });
  describe('with a company that refuses many charges', () => {
    openForAll({ ...COMPANY, PULSECART_SIMULATOR_ERROR_RATE: '0.4' });

    test('holds run out while their charges are on their way', async () => {
      const productId = await createProduct(CROWD, 1);
      const statuses = await ends(await buyAll(productId));
      for (const status of statuses) expect(['paid', 'expired']).toContain(status);
      expect(statuses).toContain('expired');
      await expectConserved(productId, statuses);
    });
  });
}
