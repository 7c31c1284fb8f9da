import { describe, expect, test } from 'bun:test';
import { NO_CHANGES } from '../../../src/ports/changes.ts';
import { briefly } from './briefly.ts';
import { HOLD_SECONDS, LONG_MS, type Scene, SHORT_LEASE_MS } from './scene.contract.ts';

/** What sweeps find: holds that ran out, and orders whose charge message may be lost. */
export function holds(scene: Scene): void {
  describe('a hold', () => {
    test('that ran out gives its units back, oldest first and at most so many at once', async () => {
      const productId = await scene.sale({ holdSeconds: HOLD_SECONDS });
      const orders = [
        await scene.reserve(productId),
        await scene.reserve(productId),
        await scene.reserve(productId),
      ];
      const { version } = await scene.product(productId);
      await scene.passTime(HOLD_SECONDS * 1_000);

      const first = await scene.ledger.expireOverdue(2);
      expect(briefly(first)).toMatchObject({
        stock: [{ productId, version: version + 1, available: 9 }],
        orders: [
          { id: expect.any(String), status: 'expired' },
          { id: expect.any(String), status: 'expired' },
        ],
      });
      expect((await scene.ledger.expireOverdue(2)).orders).toHaveLength(1);
      expect(await scene.ledger.expireOverdue(2)).toEqual(NO_CHANGES);
      for (const { id } of orders) expect((await scene.order(id)).status).toBe('expired');
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });

    test('that runs, or whose order is being charged or has ended, is left alone', async () => {
      const short = await scene.sale({ holdSeconds: HOLD_SECONDS });
      const running = await scene.reserve(await scene.sale());
      const [charging, paid] = [await scene.reserve(short), await scene.reserve(short)];
      await scene.charge(paid.id, { type: 'captured', providerId: 'p' });
      await scene.ledger.lease([charging.id], SHORT_LEASE_MS);
      await scene.passTime(HOLD_SECONDS * 1_000);
      expect((await scene.ledger.expireOverdue(10_000)).products).toEqual([]);
      const statuses = await Promise.all([running, charging, paid].map(({ id }) => scene.order(id)));
      expect(statuses.map(({ status }) => status)).toEqual(['reserved', 'charging', 'paid']);
    });
  });

  describe('what may have lost its charge message', () => {
    const unsettledOf = async (ids: readonly string[], olderThanMs: number) => {
      const found = await scene.ledger.unsettled(olderThanMs, 10_000);
      return found.filter((id) => ids.includes(id));
    };

    test('are reserved orders untouched for long enough, and charging ones whose lease has ended', async () => {
      const productId = await scene.sale();
      const orders = [];
      for (let i = 0; i < 4; i++) orders.push(await scene.reserve(productId));
      const ids = orders.map(({ id }) => id);
      const [waiting, held, lost, paid] = ids as [string, string, string, string];
      await scene.charge(paid, { type: 'captured', providerId: 'p' });
      await scene.ledger.lease([held], LONG_MS);
      await scene.ledger.lease([lost], SHORT_LEASE_MS);
      await scene.passTime(SHORT_LEASE_MS);

      expect((await unsettledOf(ids, 0)).sort()).toEqual([waiting, lost].sort());
      expect(await unsettledOf(ids, LONG_MS)).toEqual([lost]);
      expect(await scene.ledger.unsettled(0, 1)).toHaveLength(1);
    });

    test('are not reserved orders whose hold has run out: those expire', async () => {
      const order = await scene.reserve(await scene.sale({ holdSeconds: HOLD_SECONDS }));
      await scene.passTime(HOLD_SECONDS * 1_000);
      expect(await unsettledOf([order.id], 0)).toEqual([]);
    });
  });
}
