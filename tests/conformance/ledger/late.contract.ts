import { describe, expect, test } from 'bun:test';
import type { OrderStatus } from '../../../src/domain/order.ts';
import { NO_CHANGES } from '../../../src/ports/changes.ts';
import type { LateCapture } from '../../../src/ports/payments.ts';
import { briefly } from './briefly.ts';
import { brief, captured, failedWith, HOLD_SECONDS, LONG_MS, type Scene } from './scene.contract.ts';

/** Money for attempts that were thought to be over: it finds its order, or goes back. */
export function late(scene: Scene): void {
  const capture = (orderId: string, attempt = 1): LateCapture => ({
    orderId,
    attempt,
    providerId: `late-${orderId}-${attempt}`,
  });
  const paymentsOf = async (orderId: string) =>
    (await scene.ledger.order(orderId))!.payments.map(({ status }) => status);

  /** An order whose first attempt was given up. */
  async function expired(productId: number, customer: string | null = 'ann', quantity = 2): Promise<string> {
    const { id } = await scene.reserve(productId, { customer, quantity });
    await scene.charge(id, failedWith('give_up'));
    return id;
  }

  /** Lets everything that is on its way back arrive. */
  async function arrive(...orderIds: string[]): Promise<void> {
    const attempts = [1, 2, 3];
    await scene.ledger.settleRefunds(
      orderIds.flatMap((orderId) => attempts.map((attempt) => ({ orderId, attempt }))),
    );
  }

  describe('a late capture', () => {
    test('gives an expired order its units again while there are any, and its share of the limit', async () => {
      const productId = await scene.sale({ perCustomerLimit: 2 });
      const id = await expired(productId);
      const { version } = await scene.product(productId);
      const news = await scene.ledger.captureLate([capture(id)]);
      const { updatedAt } = await scene.order(id);
      expect(briefly(news)).toEqual({
        stock: [{ productId, version: version + 1, available: 8 }],
        orders: [{ id, status: 'paid', updatedAt }],
        reserved: [],
        decided: [],
      });
      expect(news.products).toEqual([await scene.product(productId)]);
      expect(await scene.units(productId)).toEqual([8, 0, 2]);
      expect((await scene.ledger.order(id))!.payments).toMatchObject([
        { status: 'captured', providerId: `late-${id}-1`, reason: null },
      ]);
      const [outcome] = await scene.decide(scene.purchase(productId, { customer: 'ann' }));
      expect(outcome).toMatchObject({ code: 'limit_reached' });
    });

    test.each([
      [
        'all units are with others',
        async (productId: number) => void (await scene.reserve(productId, { quantity: 9 })),
      ],
      [
        'the buyer has bought again up to the limit',
        (productId: number) => scene.reserve(productId, { customer: 'ann' }),
      ],
      ['the round is over', (productId: number) => scene.ledger.reset(productId, 10)],
    ])('goes back from an expired order when %s', async (_, meanwhile) => {
      const productId = await scene.sale({ perCustomerLimit: 2 });
      const id = await expired(productId);
      await meanwhile(productId);
      const before = await scene.product(productId);

      const news = await scene.ledger.captureLate([capture(id)]);
      expect(news).toMatchObject({ products: [], orders: [{ id, status: 'returning' }] });
      expect(await scene.product(productId)).toEqual(before);
      const [refund] = (await scene.ledger.leaseRefunds(1_000, LONG_MS)).filter(
        ({ orderId }) => orderId === id,
      );
      expect(refund).toEqual({
        orderId: id,
        attempt: 1,
        providerId: `late-${id}-1`,
        amountMinor: 500,
        currency: 'EUR',
        tries: 1,
      });
      await scene.reopen();
      // Told again, it is neither due again at once nor anything else.
      const view = await scene.ledger.order(id);
      expect(await scene.ledger.captureLate([capture(id)])).toEqual(NO_CHANGES);
      expect(await scene.ledger.order(id)).toEqual(view!);
      expect(await scene.ledger.leaseRefunds(1_000, LONG_MS)).toEqual([]);
      expect((await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }])).orders).toMatchObject([
        { id, status: 'refunded' },
      ]);
      expect(await scene.product(productId)).toEqual(before);
    });

    test('counts against a limit that the sale got meanwhile, and against none that it lost', async () => {
      const limits = async (productId: number, perCustomerLimit: number | null) => {
        const about = { actor: 'grace', subject: `product/${productId}`, reason: null, details: {} };
        const operation = { id: Bun.randomUUIDv7(), action: 'product.change' as const, ...about };
        const step = await scene.ledger.changeProduct(productId, { perCustomerLimit }, operation, null);
        expect(step.kind).toBe('done');
      };
      const [limited, freed] = [await scene.sale(), await scene.sale({ perCustomerLimit: 2 })];
      const ids = [await expired(limited), await expired(freed)];
      await limits(limited, 2);
      await limits(freed, null);
      await scene.ledger.captureLate(ids.map((id) => capture(id)));
      const again = [limited, freed].map((productId) => scene.purchase(productId, { customer: 'ann' }));
      expect((await scene.decide(...again)).map(brief)).toEqual(['limit_reached', 'reserved']);
    });

    test('makes a reserved order paid: the attempt had not failed after all', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      await scene.charge(id, failedWith('attempt_failed'));
      await scene.ledger.captureLate([capture(id)]);
      expect((await scene.order(id)).status).toBe('paid');
      expect(await scene.units(productId)).toEqual([9, 0, 1]);
      expect(await scene.ledger.lease([id], LONG_MS)).toEqual([]);
    });

    test('of the attempt under way makes its order paid; the charger’s own word then changes nothing', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      await scene.ledger.lease([id], LONG_MS);
      await scene.ledger.captureLate([capture(id)]);
      expect((await scene.order(id)).status).toBe('paid');
      const word = { orderId: id, attempt: 1, leases: 1 };
      for (const result of [captured(), failedWith('declined')]) {
        expect(await scene.ledger.settle([{ ...word, result }])).toEqual(NO_CHANGES);
      }
      expect(await paymentsOf(id)).toEqual(['captured']);
    });

    test('of an earlier attempt goes back while a newer one is under way, and leaves it alone', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      await scene.charge(id, failedWith('attempt_failed'));
      await scene.ledger.lease([id], LONG_MS);
      expect(await scene.ledger.captureLate([capture(id)])).toEqual(NO_CHANGES);
      expect((await scene.order(id)).status).toBe('charging');
      expect(await paymentsOf(id)).toEqual(['refunding', 'pending']);
      await scene.ledger.settle([{ orderId: id, attempt: 2, leases: 1, result: captured() }]);
      await arrive(id);
      expect((await scene.order(id)).status).toBe('paid');
      expect(await paymentsOf(id)).toEqual(['refunded', 'captured']);
    });

    test.each([
      ['cancelled', (id: string) => scene.ledger.cancel(id, {})],
      ['declined', (id: string) => scene.charge(id, failedWith('declined'))],
    ])('goes back from a %s order, which then is refunded', async (status, end) => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      await scene.charge(id, failedWith('attempt_failed'));
      await end(id);
      expect((await scene.order(id)).status).toBe(status as OrderStatus);
      await scene.ledger.captureLate([capture(id)]);
      expect((await scene.order(id)).status).toBe('returning');
      await arrive(id);
      expect((await scene.order(id)).status).toBe('refunded');
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });

    test('beside the one that paid goes back, and the order stays paid', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      await scene.charge(id, failedWith('attempt_failed'));
      await scene.charge(id, captured());
      await scene.ledger.captureLate([capture(id)]);
      expect(await paymentsOf(id)).toEqual(['refunding', 'captured']);
      await arrive(id);
      expect((await scene.order(id)).status).toBe('paid');
    });

    test('beside one that is being refunded: the order ends with the last of them', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      await scene.charge(id, failedWith('attempt_failed'));
      await scene.charge(id, captured());
      const about = { actor: 'grace', subject: `order/${id}`, reason: null, details: {} };
      await scene.ledger.refund(id, { id: Bun.randomUUIDv7(), action: 'order.refund', ...about });
      await scene.ledger.captureLate([capture(id)]);
      expect(await scene.ledger.settleRefunds([{ orderId: id, attempt: 2 }])).toEqual(NO_CHANGES);
      expect(await scene.units(productId)).toEqual([9, 0, 1]);
      const last = { orderId: id, attempt: 1 };
      expect((await scene.ledger.settleRefunds([last])).orders).toMatchObject([{ status: 'refunded' }]);
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });

    test('counts once, however often and by however many it is told', async () => {
      const productId = await scene.sale();
      const [again, back] = [await expired(productId), await expired(productId)];
      await scene.reserve(productId, { quantity: 8 });
      // Two units are left, for whichever comes first.
      const told = [capture(again), capture(again), capture(back)];
      await Promise.all(Array.from({ length: 4 }, () => scene.ledger.captureLate(told)));
      expect((await scene.order(again)).status).toBe('paid');
      expect((await scene.order(back)).status).toBe('returning');
      expect(await scene.units(productId)).toEqual([0, 8, 2]);
      await arrive(back);
      await scene.reopen();
      expect(await scene.ledger.captureLate(told)).toEqual(NO_CHANGES);
      expect((await scene.order(back)).status).toBe('refunded');
    });

    test('of an attempt that never began, or of no order, is not believed', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      const told = [capture(id), capture(id, 0), capture(scene.newId()), capture('nonsense')];
      expect(await scene.ledger.captureLate(told)).toEqual(NO_CHANGES);
      expect((await scene.order(id)).status).toBe('reserved');
    });

    test('and a cancel at once: paid and refused, or cancelled and back', async () => {
      for (let i = 0; i < 8; i++) {
        const productId = await scene.sale();
        const { id } = await scene.reserve(productId);
        await scene.charge(id, failedWith('attempt_failed'));
        const [ended] = await Promise.all([
          scene.ledger.cancel(id, {}),
          scene.ledger.captureLate([capture(id)]),
        ]);
        const cancelled = ended.kind === 'done';
        expect((await scene.order(id)).status).toBe(cancelled ? 'returning' : 'paid');
        expect(await scene.units(productId)).toEqual(cancelled ? [10, 0, 0] : [9, 0, 1]);
        await arrive(id);
      }
    });

    test('and an expiry at once leave the order paid', async () => {
      const productId = await scene.sale({ holdSeconds: HOLD_SECONDS });
      const ids: string[] = [];
      for (let i = 0; i < 4; i++) {
        const { id } = await scene.reserve(productId);
        await scene.charge(id, failedWith('attempt_failed'));
        ids.push(id);
      }
      await scene.passTime(HOLD_SECONDS * 1_000);
      await Promise.all([
        scene.ledger.expireOverdue(100),
        ...ids.map((id) => scene.ledger.captureLate([capture(id)])),
      ]);
      const statuses = await Promise.all(ids.map(async (id) => (await scene.order(id)).status));
      expect(statuses).toEqual(['paid', 'paid', 'paid', 'paid']);
      expect(await scene.units(productId)).toEqual([6, 0, 4]);
    });
  });

  describe('a capture that is settled when its attempt is over', () => {
    test('is late, and not lost', async () => {
      const productId = await scene.sale();
      const id = await expired(productId);
      const word = { orderId: id, attempt: 1, leases: 1, result: captured('p-late') };
      const news = await scene.ledger.settle([word]);
      expect(briefly(news)).toMatchObject({
        stock: [{ productId, available: 8 }],
        orders: [{ id, status: 'paid' }],
      });
      expect((await scene.ledger.order(id))!.payments).toMatchObject([
        { status: 'captured', providerId: 'p-late' },
      ]);
      expect(await scene.ledger.settle([word])).toEqual(NO_CHANGES);
    });

    test('comes after the others of its batch, and is told with them as one step', async () => {
      const productId = await scene.sale({ units: 4 });
      const id = await expired(productId);
      const [declined, paid] = [
        await scene.reserve(productId, { quantity: 2 }),
        await scene.reserve(productId, { quantity: 2 }),
      ];
      await scene.ledger.lease([declined.id, paid.id], LONG_MS);
      const word = { attempt: 1, leases: 1 };
      const { products, orders } = await scene.ledger.settle([
        { orderId: id, ...word, result: captured() },
        { orderId: declined.id, ...word, result: failedWith('declined') },
        { orderId: paid.id, ...word, result: captured() },
      ]);
      expect(products).toEqual([await scene.product(productId)]);
      expect(await scene.units(productId)).toEqual([0, 0, 4]);
      expect(new Map(orders.map((order) => [order.id, order.status]))).toEqual(
        new Map([
          [declined.id, 'declined'],
          [paid.id, 'paid'],
          [id, 'paid'],
        ]),
      );
    });
  });
}
