import { describe, expect, test } from 'bun:test';
import type { AuditEntry } from '../../../src/domain/audit-entry.ts';
import { NO_CHANGES } from '../../../src/ports/changes.ts';
import { briefly } from './briefly.ts';
import { captured, failedWith, HOLD_SECONDS, LONG_MS, type Scene } from './scene.contract.ts';

/** How people end orders: buyers and operators cancel what is not paid, operators refund what is. */
export function cancelsAndRefunds(scene: Scene): void {
  const byGrace = (action: AuditEntry['action'], orderId: string): AuditEntry => ({
    id: Bun.randomUUIDv7(),
    actor: 'grace',
    action,
    subject: `order/${orderId}`,
    reason: 'the buyer called',
    details: {},
  });
  const timesWritten = async ({ id }: AuditEntry) =>
    (await scene.ledger.auditLog(20, null)).filter((written) => written.id === id).length;

  async function paid(productId: number, customer: string | null = 'ann') {
    const order = await scene.reserve(productId, { customer, quantity: 2 });
    await scene.charge(order.id, captured(`p-${order.id}`));
    return order;
  }

  describe('a cancel', () => {
    test('gives units and the share of the limit back, and tells how the product stands', async () => {
      const productId = await scene.sale({ perCustomerLimit: 2 });
      const order = await scene.reserve(productId, { customer: 'ann', quantity: 2 });
      const { version } = await scene.product(productId);

      const ended = await scene.ledger.cancel(order.id, { customer: 'ann' });
      const cancelled = await scene.order(order.id);
      expect(cancelled.status).toBe('cancelled');
      const { id, status, updatedAt } = cancelled;
      expect(ended).toEqual({
        kind: 'done',
        order: cancelled,
        changes: {
          products: [await scene.product(productId)],
          orders: [{ id, status, updatedAt }],
          reserved: [],
          decided: [],
        },
      });
      expect((await scene.product(productId)).version).toBe(version + 1);
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
      await scene.reserve(productId, { customer: 'ann', quantity: 2 });
    });

    test('asked again is done already, and gives nothing back twice', async () => {
      const productId = await scene.sale();
      const order = await scene.reserve(productId, { customer: 'ann' });
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => scene.ledger.cancel(order.id, { customer: 'ann' })),
      );
      expect(answers.map(({ kind }) => kind)).toEqual(['done', 'done', 'done', 'done']);
      expect(answers.filter((one) => one.kind === 'done' && one.changes.orders.length > 0)).toHaveLength(1);
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });

    test('of an order that is somebody else’s, or nobody’s, finds none and changes nothing', async () => {
      const productId = await scene.sale();
      const [anns, anonymous] = [
        await scene.reserve(productId, { customer: 'ann' }),
        await scene.reserve(productId),
      ];
      const nowhere = { kind: 'unknown_order' } as const;
      expect(await scene.ledger.cancel(anns.id, { customer: 'bob' })).toEqual(nowhere);
      expect(await scene.ledger.cancel(anns.id, { customer: null })).toEqual(nowhere);
      expect(await scene.ledger.cancel(anonymous.id, { customer: 'ann' })).toEqual(nowhere);
      expect(await scene.ledger.cancel(scene.newId(), {})).toEqual(nowhere);
      expect(await scene.ledger.cancel('nonsense', {})).toEqual(nowhere);
      expect(await scene.units(productId)).toEqual([8, 2, 0]);
      expect(await scene.ledger.cancel(anonymous.id, { customer: null })).toMatchObject({ kind: 'done' });
    });

    test('is refused once the order is being charged, is paid, or has ended otherwise', async () => {
      const productId = await scene.sale();
      const [charging, declined] = [await scene.reserve(productId), await scene.reserve(productId)];
      await scene.charge(declined.id, failedWith('declined'));
      await scene.ledger.lease([charging.id], LONG_MS);
      const orders = [charging, declined, await paid(productId)];
      const before = await scene.product(productId);
      for (const { id } of orders) {
        expect(await scene.ledger.cancel(id, {})).toEqual({ kind: 'refused', order: await scene.order(id) });
      }
      expect(await scene.product(productId)).toEqual(before);
    });

    test('and a lease at once leave one winner', async () => {
      for (let i = 0; i < 8; i++) {
        const productId = await scene.sale();
        const { id } = await scene.reserve(productId);
        const [ended, leased] = await Promise.all([
          scene.ledger.cancel(id, {}),
          scene.ledger.lease([id], LONG_MS),
        ]);
        const cancelled = ended.kind === 'done';
        expect(leased).toHaveLength(cancelled ? 0 : 1);
        expect((await scene.order(id)).status).toBe(cancelled ? 'cancelled' : 'charging');
        expect(await scene.units(productId)).toEqual(cancelled ? [10, 0, 0] : [9, 1, 0]);
      }
    });

    test('and an expiry at once give the units back once', async () => {
      const productId = await scene.sale({ holdSeconds: HOLD_SECONDS, perCustomerLimit: 3 });
      const ids: string[] = [];
      for (let i = 0; i < 8; i++) {
        ids.push((await scene.reserve(productId, { customer: `c${i}` })).id);
      }
      await scene.passTime(HOLD_SECONDS * 1_000);
      await Promise.all([
        ...ids.map((id) => scene.ledger.cancel(id, {})),
        scene.ledger.expireOverdue(100),
        scene.ledger.expireOverdue(100),
      ]);
      const statuses = await Promise.all(ids.map(async (id) => (await scene.order(id)).status));
      expect(statuses.every((status) => status === 'cancelled' || status === 'expired')).toBe(true);
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });

    test('of an older round retires its units', async () => {
      const productId = await scene.sale();
      const order = await scene.reserve(productId, { quantity: 3 });
      await scene.ledger.reset(productId, 5);
      await scene.ledger.cancel(order.id, {});
      expect(await scene.product(productId)).toMatchObject({ total: 5, reserved: 0, sold: 0 });
    });

    test('by an operator is written down in the same commit, once, and only when it was done', async () => {
      const productId = await scene.sale();
      const [order, charging] = [await scene.reserve(productId), await scene.reserve(productId)];
      const operation = byGrace('order.cancel', order.id);
      for (let i = 0; i < 2; i++) {
        expect(await scene.ledger.cancel(order.id, { entry: operation })).toMatchObject({ kind: 'done' });
      }
      expect(await timesWritten(operation)).toBe(1);

      await scene.ledger.lease([charging.id], LONG_MS);
      const vain = byGrace('order.cancel', charging.id);
      expect(await scene.ledger.cancel(charging.id, { entry: vain })).toMatchObject({ kind: 'refused' });
      expect(await timesWritten(vain)).toBe(0);
      await scene.ledger.cancel(order.id, { entry: vain });
      expect(await timesWritten(vain)).toBe(0);
    });
  });

  describe('a refund', () => {
    test('sends the capture back and keeps the units until it has arrived', async () => {
      const productId = await scene.sale({ perCustomerLimit: 2 });
      const { id } = await paid(productId);
      const operation = byGrace('order.refund', id);
      const ended = await scene.ledger.refund(id, operation);
      expect(ended).toMatchObject({
        kind: 'done',
        order: await scene.order(id),
        changes: { products: [], orders: [{ id, status: 'refunding' }] },
      });
      const view = (await scene.ledger.order(id))!;
      expect(view.order.status).toBe('refunding');
      expect(view.payments).toMatchObject([{ status: 'refunding', providerId: `p-${id}`, reason: null }]);
      expect(await scene.units(productId)).toEqual([8, 0, 2]);
      expect(await timesWritten(operation)).toBe(1);

      const news = await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }]);
      const { version } = await scene.product(productId);
      const { updatedAt, status } = await scene.order(id);
      expect(status).toBe('refunded');
      expect(briefly(news)).toEqual({
        stock: [{ productId, version, available: 10 }],
        orders: [{ id, status, updatedAt }],
        reserved: [],
        decided: [],
      });
      expect((await scene.ledger.order(id))!.payments).toMatchObject([{ status: 'refunded' }]);
      await scene.reserve(productId, { customer: 'ann', quantity: 2 });
    });

    test('asked again is done already, before and after the money has arrived', async () => {
      const productId = await scene.sale();
      const { id } = await paid(productId);
      const operation = byGrace('order.refund', id);
      const again = byGrace('order.refund', id);
      await Promise.all([scene.ledger.refund(id, operation), scene.ledger.refund(id, operation)]);
      await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }]);
      expect(await scene.ledger.refund(id, operation)).toMatchObject({
        kind: 'done',
        order: { status: 'refunded' },
        changes: NO_CHANGES,
      });
      expect(await scene.ledger.refund(id, again)).toMatchObject({ kind: 'done' });
      expect([await timesWritten(operation), await timesWritten(again)]).toEqual([1, 0]);
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });

    test('of an order that is not paid is refused, and nothing is written down', async () => {
      const productId = await scene.sale();
      const { id } = await scene.reserve(productId);
      const operation = byGrace('order.refund', id);
      expect(await scene.ledger.refund(id, operation)).toEqual({
        kind: 'refused',
        order: await scene.order(id),
      });
      expect(await scene.ledger.refund(scene.newId(), operation)).toEqual({ kind: 'unknown_order' });
      expect(await scene.ledger.refund('nonsense', operation)).toEqual({ kind: 'unknown_order' });
      expect(await timesWritten(operation)).toBe(0);
    });

    test('of an older round retires its units when it has arrived', async () => {
      const productId = await scene.sale();
      const { id } = await paid(productId);
      await scene.ledger.reset(productId, 5);
      await scene.ledger.refund(id, byGrace('order.refund', id));
      expect(await scene.product(productId)).toMatchObject({ total: 7, reserved: 0, sold: 2 });
      await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }]);
      expect(await scene.product(productId)).toMatchObject({ total: 5, reserved: 0, sold: 0 });
    });
  });

  describe('money on its way back', () => {
    const mine = async (ids: readonly string[], limit = 1_000, againAfterMs = LONG_MS) =>
      (await scene.ledger.leaseRefunds(limit, againAfterMs)).filter(({ orderId }) => ids.includes(orderId));

    test('is leased oldest first, to one taker', async () => {
      const productId = await scene.sale({ priceMinor: 99_999, currency: 'USD' });
      const ids = [(await paid(productId)).id, (await paid(productId)).id];
      await mine(ids); // what other tests left behind is not in the way
      for (const id of ids) {
        await scene.ledger.refund(id, byGrace('order.refund', id));
        await scene.passTime(PAUSE_MS);
      }
      const [first, second] = ids as [string, string];
      expect(await mine(ids, 1)).toEqual([
        {
          orderId: first,
          attempt: 1,
          providerId: `p-${first}`,
          amountMinor: 199_998,
          currency: 'USD',
          tries: 1,
        },
      ]);
      const takers = await Promise.all(Array.from({ length: 4 }, () => mine(ids, 10)));
      expect(takers.flat().map(({ orderId }) => orderId)).toEqual([second]);
      await scene.ledger.settleRefunds(ids.map((orderId) => ({ orderId, attempt: 1 })));
    });

    test('is leased again after its time, and its tries are counted', async () => {
      const { id } = await paid(await scene.sale());
      await scene.ledger.refund(id, byGrace('order.refund', id));
      expect(await mine([id], 1_000, PAUSE_MS)).toMatchObject([{ orderId: id, tries: 1 }]);
      await scene.passTime(PAUSE_MS);
      expect(await mine([id])).toMatchObject([{ orderId: id, tries: 2 }]);
      expect(await mine([id])).toEqual([]);
      await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }]);
    });

    test('P9 one that failed is leased after those that were never tried, however long it has been due', async () => {
      const productId = await scene.sale();
      const ids = [(await paid(productId)).id, (await paid(productId)).id, (await paid(productId)).id];
      const [failed, fresh, fresher] = ids as [string, string, string];
      await mine(ids);
      await scene.ledger.refund(failed, byGrace('order.refund', failed));
      expect(await mine([failed], 1_000, 0)).toMatchObject([{ tries: 1 }]);
      for (const id of [fresh, fresher]) {
        await scene.passTime(PAUSE_MS);
        await scene.ledger.refund(id, byGrace('order.refund', id));
      }
      expect(await mine(ids, 2)).toMatchObject([{ orderId: fresh }, { orderId: fresher }]);
      expect(await mine(ids, 2)).toMatchObject([{ orderId: failed, tries: 2 }]);
      await scene.ledger.settleRefunds(ids.map((orderId) => ({ orderId, attempt: 1 })));
    });

    test('is counted until it has arrived', async () => {
      const before = await scene.ledger.refundsDue();
      const productId = await scene.sale({ priceMinor: 1_050, currency: 'JPY' });
      const { id } = await paid(productId);
      await scene.ledger.refund(id, byGrace('order.refund', id));
      const { updatedAt } = await scene.order(id);
      await mine([id]);
      const due = await scene.ledger.refundsDue();
      expect(due.count).toBe(before.count + 1);
      expect(due.oldestAt).toBe(before.oldestAt ?? updatedAt);
      expect(due.amounts).toContainEqual({ currency: 'JPY', amountMinor: 2_100 });

      await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }]);
      expect(await scene.ledger.refundsDue()).toEqual(before);
      expect(await mine([id], 1_000, 0)).toEqual([]);
    });

    test('settled again, or told of what was never sent back, changes nothing', async () => {
      const productId = await scene.sale();
      const [kept, sent] = [await paid(productId), await paid(productId)];
      await scene.ledger.refund(sent.id, byGrace('order.refund', sent.id));
      const told = [
        { orderId: sent.id, attempt: 1 },
        { orderId: sent.id, attempt: 1 },
        { orderId: sent.id, attempt: 2 },
        { orderId: kept.id, attempt: 1 },
        { orderId: scene.newId(), attempt: 1 },
        { orderId: 'nonsense', attempt: 1 },
      ];
      expect((await scene.ledger.settleRefunds(told)).orders).toMatchObject([
        { id: sent.id, status: 'refunded' },
      ]);
      await scene.reopen();
      expect(await scene.ledger.settleRefunds(told)).toEqual(NO_CHANGES);
      expect(await scene.units(productId)).toEqual([8, 0, 2]);
      expect((await scene.order(kept.id)).status).toBe('paid');
    });
  });
}

/** Enough for clocks to tell two moments apart. */
const PAUSE_MS = 20;
