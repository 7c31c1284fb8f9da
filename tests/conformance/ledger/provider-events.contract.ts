import { describe, expect, test } from 'bun:test';
import { TEST_CURRENCY } from '../../../src/domain/product.ts';
import type { ProviderEvent, Trouble } from '../../../src/ports/provider.ts';
import { captured, failedWith, LONG_MS, type Scene, SHORT_LEASE_MS } from './scene.contract.ts';

/** Attempts that buyers begin, and what the payment company tells of them. */
export function providerEvents(scene: Scene): void {
  let events = 0;
  const event = (changes: Partial<ProviderEvent> = {}): ProviderEvent => ({
    id: `evt_${++events}`,
    subject: 'payment',
    subjectId: 'pi_1',
    key: 'order:1',
    ...changes,
  });
  const begun = async (leaseMs = LONG_MS) => {
    const order = await scene.reserve(await scene.sale());
    await scene.ledger.lease([order.id], leaseMs);
    return order;
  };
  const paymentOf = async (orderId: string) => (await scene.ledger.order(orderId))!.payments[0]!;
  const openIds = async () => (await scene.ledger.openEvents(1_000)).map(({ id }) => id);

  describe('where buyers pay, a lease', () => {
    test('begins attempts of hidden products alone, and takes over those of all', async () => {
      const [order, hidden] = [
        await scene.reserve(await scene.sale()),
        await scene.reserve(await scene.sale({ currency: TEST_CURRENCY })),
      ];
      const taken = await begun(SHORT_LEASE_MS);
      await scene.passTime(SHORT_LEASE_MS);
      const ids = [order.id, hidden.id, taken.id];
      expect(await scene.ledger.unsettled(0, 10_000, 'hidden')).toEqual(
        expect.arrayContaining([hidden.id, taken.id]),
      );
      expect(await scene.ledger.unsettled(0, 10_000, 'hidden')).not.toContain(order.id);
      expect(await scene.ledger.unsettled(0, 10_000)).toContain(order.id);
      const leased = await scene.ledger.lease(ids, LONG_MS, 'hidden');
      expect(leased.map(({ order, leases }) => [order.id, leases]).toSorted()).toEqual(
        [
          [hidden.id, 1],
          [taken.id, 2],
        ].toSorted(),
      );
    });

    test('that is taken over knows when its attempt began, and the id that was noted', async () => {
      const order = await scene.reserve(await scene.sale());
      const [first] = await scene.ledger.lease([order.id], SHORT_LEASE_MS);
      expect(first).toMatchObject({ providerId: null, beganAt: first!.order.updatedAt });
      await scene.ledger.noteProviderId(order.id, 1, 'pi_7');
      await scene.passTime(SHORT_LEASE_MS);
      const [second] = await scene.ledger.lease([order.id], LONG_MS);
      expect(second).toMatchObject({ attempt: 1, leases: 2, providerId: 'pi_7', beganAt: first!.beganAt });
      expect((await paymentOf(order.id)).providerId).toBe('pi_7');
    });

    test('ends before its time when it is asked to, for its own attempt', async () => {
      const order = await begun();
      await scene.ledger.endLease(order.id, 2);
      await scene.ledger.endLease(scene.newId(), 1);
      await scene.ledger.endLease('nonsense', 1);
      expect(await scene.ledger.lease([order.id], LONG_MS)).toEqual([]);
      await scene.ledger.endLease(order.id, 1);
      expect(await scene.ledger.unsettled(LONG_MS, 10_000)).toContain(order.id);
      expect(await scene.ledger.lease([order.id], LONG_MS, 'hidden')).toMatchObject([{ leases: 2 }]);
    });

    test('notes no id of an attempt that is over', async () => {
      const order = await begun();
      await scene.ledger.settle([{ orderId: order.id, attempt: 1, leases: 1, result: captured('pi_1') }]);
      await scene.ledger.noteProviderId(order.id, 1, 'pi_2');
      await scene.ledger.noteProviderId('nonsense', 1, 'pi_2');
      expect((await paymentOf(order.id)).providerId).toBe('pi_1');
    });
  });

  describe('an event of the payment company', () => {
    test('ends the lease of its charge in the commit that takes it, once', async () => {
      const order = await begun();
      const told = event();
      expect(await scene.ledger.takeEvent(told, { orderId: order.id, attempt: 1 })).toBe('charge');
      expect(await scene.ledger.lease([order.id], LONG_MS)).toMatchObject([{ leases: 2 }]);
      expect(await scene.ledger.takeEvent(told, { orderId: order.id, attempt: 1 })).toBe('again');
      expect(await scene.ledger.lease([order.id], LONG_MS)).toEqual([]);
      expect(await openIds()).not.toContain(told.id);
    });

    test('of money that the ledger has tells nothing new', async () => {
      const order = await begun();
      await scene.ledger.settle([{ orderId: order.id, attempt: 1, leases: 1, result: captured() }]);
      const told = event();
      expect(await scene.ledger.takeEvent(told, { orderId: order.id, attempt: 1 })).toBe('known');
      expect(await openIds()).not.toContain(told.id);
    });

    test('of an attempt that is over, an unknown order, a dispute or a refund waits to be looked into', async () => {
      const order = await begun();
      await scene.ledger.settle([
        { orderId: order.id, attempt: 1, leases: 1, result: failedWith('give_up') },
      ]);
      const told = [
        event(),
        event(),
        event(),
        event({ subject: 'dispute', subjectId: 'du_1', key: null }),
        event({ subject: 'refund', subjectId: 're_1', key: null }),
      ];
      const charges = [
        { orderId: order.id, attempt: 1 },
        { orderId: scene.newId(), attempt: 1 },
        { orderId: 'nonsense', attempt: 1 },
        null,
        null,
      ];
      for (const [i, one] of told.entries())
        expect(await scene.ledger.takeEvent(one, charges[i]!)).toBe('look');
      const open = await scene.ledger.openEvents(1_000);
      for (const one of told) expect(open).toContainEqual(one);
      expect(await scene.ledger.openEvents(2)).toHaveLength(2);
      for (const { id } of told) await scene.ledger.closeEvent(id, null);
      const left = await openIds();
      expect(told.filter(({ id }) => left.includes(id))).toEqual([]);
    });

    test('that was looked into leaves the trouble of a payment, the newest state of it', async () => {
      const order = await begun();
      await scene.ledger.settle([{ orderId: order.id, attempt: 1, leases: 1, result: captured() }]);
      expect(await paymentOf(order.id)).toMatchObject({ dispute: null, refundFailed: false });
      const before = await scene.ledger.openTroubles();
      const find = async (trouble: Trouble, orderId = order.id) => {
        const told = event({ subject: trouble.kind, subjectId: trouble.providerId, key: null });
        await scene.ledger.takeEvent(told, null);
        await scene.ledger.closeEvent(told.id, { orderId, attempt: 1, trouble });
        expect(await openIds()).not.toContain(told.id);
      };
      await find({ kind: 'dispute', state: 'open', providerId: 'du_1' });
      await find({ kind: 'refund', state: 'failed', providerId: 're_1' });
      expect(await paymentOf(order.id)).toMatchObject({ dispute: 'open', refundFailed: true });
      expect(await scene.ledger.openTroubles()).toEqual({
        disputes: before.disputes + 1,
        failedRefunds: before.failedRefunds + 1,
      });
      await find({ kind: 'dispute', state: 'lost', providerId: 'du_1' });
      await find({ kind: 'dispute', state: 'open', providerId: 'du_1' });
      expect((await paymentOf(order.id)).dispute).toBe('lost');
      await find({ kind: 'dispute', state: 'open', providerId: 'du_2' });
      expect((await paymentOf(order.id)).dispute).toBe('open');
      await find({ kind: 'dispute', state: 'won', providerId: 'du_2' });
      await find({ kind: 'dispute', state: 'open', providerId: 'du_3' }, scene.newId());
      expect(await scene.ledger.openTroubles()).toEqual({
        disputes: before.disputes,
        failedRefunds: before.failedRefunds + 1,
      });
      expect((await scene.order(order.id)).status).toBe('paid');
    });
  });
}
