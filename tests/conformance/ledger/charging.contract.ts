import { describe, expect, test } from 'bun:test';
import { NO_CHANGES } from '../../../src/ports/changes.ts';
import { briefly } from './briefly.ts';
import { captured, failedWith, HOLD_SECONDS, LONG_MS, type Scene, SHORT_LEASE_MS } from './scene.contract.ts';

/** Leases, and what came of the charges they stand for. */
export function charging(scene: Scene): void {
  describe('a lease', () => {
    test('takes a reserved order into charging and begins an attempt', async () => {
      const order = await scene.reserve(await scene.sale(), { quantity: 3 });
      const [leased, ...others] = await scene.ledger.lease([order.id], LONG_MS);
      expect(others).toEqual([]);
      expect(leased).toMatchObject({ attempt: 1, leases: 1, holdRuns: true });
      expect(leased!.order).toEqual({
        ...order,
        status: 'charging',
        attempts: 1,
        updatedAt: leased!.order.updatedAt,
      });
      const view = (await scene.ledger.order(order.id))!;
      expect(view.order).toEqual(leased!.order);
      expect(view.payments).toMatchObject([
        {
          attempt: 1,
          amountMinor: 750,
          currency: 'EUR',
          status: 'pending',
          providerId: null,
          reason: null,
        },
      ]);
    });

    test('goes to one taker only; orders it cannot take and unknown ids are left out', async () => {
      const productId = await scene.sale();
      const [free, taken, paid] = [
        await scene.reserve(productId),
        await scene.reserve(productId),
        await scene.reserve(productId),
      ];
      await scene.ledger.lease([taken.id], LONG_MS);
      await scene.charge(paid.id, captured());
      const leased = await scene.ledger.lease(
        [paid.id, taken.id, free.id, free.id, scene.newId(), 'nonsense'],
        LONG_MS,
      );
      expect(leased.map(({ order }) => order.id)).toEqual([free.id]);
    });

    test('of many takers at once goes to one', async () => {
      const order = await scene.reserve(await scene.sale());
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => scene.ledger.lease([order.id], LONG_MS)),
      );
      expect(answers.flat()).toHaveLength(1);
    });

    test('that ended is taken over with the same attempt, and counted', async () => {
      const order = await scene.reserve(await scene.sale());
      await scene.ledger.lease([order.id], SHORT_LEASE_MS);
      for (const leases of [2, 3]) {
        await scene.passTime(SHORT_LEASE_MS);
        const leased = await scene.ledger.lease([order.id], leases === 2 ? SHORT_LEASE_MS : LONG_MS);
        expect(leased).toMatchObject([{ attempt: 1, leases, holdRuns: true }]);
      }
      expect(await scene.ledger.lease([order.id], LONG_MS)).toEqual([]);
      expect((await scene.ledger.order(order.id))!.payments).toHaveLength(1);
    });

    test('counts from one again with a new attempt', async () => {
      const order = await scene.reserve(await scene.sale());
      await scene.ledger.lease([order.id], SHORT_LEASE_MS);
      await scene.passTime(SHORT_LEASE_MS);
      const [second] = await scene.ledger.lease([order.id], LONG_MS);
      await scene.ledger.settle([
        { orderId: order.id, attempt: 1, leases: second!.leases, result: failedWith('attempt_failed') },
      ]);
      expect(await scene.ledger.lease([order.id], LONG_MS)).toMatchObject([{ attempt: 2, leases: 1 }]);
    });

    test('is not given once the hold has run out, except to end an attempt under way', async () => {
      const productId = await scene.sale({ holdSeconds: HOLD_SECONDS });
      const [waiting, underWay] = [await scene.reserve(productId), await scene.reserve(productId)];
      await scene.ledger.lease([underWay.id], SHORT_LEASE_MS);
      await scene.passTime(HOLD_SECONDS * 1_000);
      const leased = await scene.ledger.lease([waiting.id, underWay.id], LONG_MS);
      expect(leased.map(({ order, leases, holdRuns }) => [order.id, leases, holdRuns])).toEqual([
        [underWay.id, 2, false],
      ]);
    });
  });

  describe('a settled charge', () => {
    const ENDS = [
      ['captured', captured('p-9'), 'paid', 'captured', [8, 0, 2]],
      ['declined', failedWith('declined'), 'declined', 'declined', [10, 0, 0]],
      ['attempt_failed', failedWith('attempt_failed'), 'reserved', 'failed', [8, 2, 0]],
      ['give_up', failedWith('give_up'), 'expired', 'cancelled', [10, 0, 0]],
    ] as const;

    test.each(ENDS)(
      '%s moves order, units and payment together',
      async (_, result, status, payment, units) => {
        const productId = await scene.sale();
        const order = await scene.reserve(productId, { quantity: 2 });
        await scene.ledger.lease([order.id], LONG_MS);
        const { version } = await scene.product(productId);
        const news = await scene.ledger.settle([{ orderId: order.id, attempt: 1, leases: 1, result }]);

        const moved = status !== 'reserved';
        expect(briefly(news)).toEqual({
          stock: moved ? [{ productId, version: version + 1, available: units[0] }] : [],
          orders: [{ id: order.id, status, updatedAt: (await scene.order(order.id)).updatedAt }],
          reserved: [],
          decided: [],
        });
        expect(await scene.units(productId)).toEqual([...units]);
        const view = (await scene.ledger.order(order.id))!;
        expect(view.order.status).toBe(status);
        expect(view.payments).toMatchObject([
          {
            status: payment,
            providerId: result.type === 'captured' ? 'p-9' : null,
            reason: result.type === 'captured' ? null : result.reason,
          },
        ]);
      },
    );

    test('of an attempt that failed after the hold ends the order', async () => {
      const productId = await scene.sale({ holdSeconds: HOLD_SECONDS });
      const order = await scene.reserve(productId);
      await scene.ledger.lease([order.id], LONG_MS);
      await scene.passTime(HOLD_SECONDS * 1_000);
      const failed = {
        orderId: order.id,
        attempt: 1,
        leases: 1,
        result: failedWith('attempt_failed'),
      };
      expect(briefly(await scene.ledger.settle([failed])).stock).toMatchObject([
        { productId, available: 10 },
      ]);
      expect((await scene.order(order.id)).status).toBe('expired');
    });

    test('that came to nothing is not believed when somebody else has the lease by now', async () => {
      const order = await scene.reserve(await scene.sale());
      await scene.ledger.lease([order.id], SHORT_LEASE_MS);
      await scene.passTime(SHORT_LEASE_MS);
      await scene.ledger.lease([order.id], LONG_MS);
      const failed = { orderId: order.id, attempt: 1, result: failedWith('attempt_failed') };
      await scene.ledger.settle([{ ...failed, leases: 1 }]);
      expect((await scene.order(order.id)).status).toBe('charging');
      await scene.ledger.settle([{ ...failed, leases: 2 }]);
      expect((await scene.order(order.id)).status).toBe('reserved');
    });

    test.each([
      ['captured', captured(), 'paid'],
      ['declined', failedWith('declined'), 'declined'],
      ['give_up', failedWith('give_up'), 'expired'],
    ] as const)('%s holds although the lease was taken over', async (_, result, status) => {
      const order = await scene.reserve(await scene.sale());
      await scene.ledger.lease([order.id], SHORT_LEASE_MS);
      await scene.passTime(SHORT_LEASE_MS);
      await scene.ledger.lease([order.id], LONG_MS);
      await scene.ledger.settle([{ orderId: order.id, attempt: 1, leases: 1, result }]);
      expect((await scene.order(order.id)).status).toBe(status);
    });

    test('of an attempt that is over, or of an order that has ended, changes nothing', async () => {
      const productId = await scene.sale();
      const [retried, paid, reserved] = [
        await scene.reserve(productId),
        await scene.reserve(productId),
        await scene.reserve(productId),
      ];
      await scene.charge(retried.id, failedWith('attempt_failed'));
      await scene.ledger.lease([retried.id], LONG_MS);
      await scene.charge(paid.id, captured());
      const before = await Promise.all([retried, paid, reserved].map(({ id }) => scene.ledger.order(id)));
      const news = await scene.ledger.settle([
        { orderId: retried.id, attempt: 1, leases: 1, result: failedWith('declined') },
        { orderId: paid.id, attempt: 1, leases: 1, result: failedWith('declined') },
        { orderId: paid.id, attempt: 1, leases: 1, result: captured('again') },
        { orderId: reserved.id, attempt: 0, leases: 0, result: captured() },
        { orderId: scene.newId(), attempt: 1, leases: 1, result: captured() },
      ]);
      expect(news).toEqual(NO_CHANGES);
      const after = await Promise.all([retried, paid, reserved].map(({ id }) => scene.ledger.order(id)));
      expect(after).toEqual(before);
    });

    test('of many orders moves each product once', async () => {
      const [one, two] = [await scene.sale(), await scene.sale()];
      const orders = [
        await scene.reserve(one),
        await scene.reserve(two),
        await scene.reserve(one),
        await scene.reserve(one),
      ];
      await scene.ledger.lease(
        orders.map(({ id }) => id),
        LONG_MS,
      );
      const { version } = await scene.product(one);
      const changes = await scene.ledger.settle(
        orders.map(({ id }, i) => ({
          orderId: id,
          attempt: 1,
          leases: 1,
          result: i === 2 ? failedWith('declined') : captured(),
        })),
      );
      expect(briefly(changes).stock).toHaveLength(2);
      expect(briefly(changes).stock).toContainEqual({ productId: one, version: version + 1, available: 8 });
      expect(await scene.units(one)).toEqual([8, 0, 2]);
      expect(await scene.units(two)).toEqual([9, 0, 1]);
    });
  });
}
