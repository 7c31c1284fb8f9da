import { describe, expect, test } from 'bun:test';
import type { DescribedProduct } from '../../../src/domain/product.ts';
import { briefly } from './briefly.ts';
import { brief, captured, failedWith, HOLD_SECONDS, LONG_MS, type Scene } from './scene.contract.ts';

/** Resets: each begins a round of exactly its units. */
export function rounds(scene: Scene): void {
  describe('a reset', () => {
    test('begins a new generation of exactly that many free units, whatever is held', async () => {
      const productId = await scene.sale({ units: 10 });
      await scene.reserve(productId, { quantity: 3 });
      const paid = await scene.reserve(productId, { quantity: 2 });
      await scene.charge(paid.id, captured());
      const before = await scene.product(productId);

      const after = (await scene.ledger.reset(productId, 4)).product!;
      expect(after).toMatchObject({ total: 9, reserved: 3, sold: 2, generation: 2 });
      expect(after.version).toBe(before.version + 1);
      expect(await scene.described(productId)).toEqual(after as DescribedProduct);

      const next = await scene.decide(...Array.from({ length: 5 }, () => scene.purchase(productId)));
      expect(next.map(brief)).toEqual([...Array(4).fill('reserved'), 'sold_out']);
      expect((await scene.orders(next))[0]).toMatchObject({ generation: 2, number: 3, remaining: 3 });
    });

    test('to nothing ends the sale, and one of an unknown product does nothing', async () => {
      const productId = await scene.sale();
      await scene.ledger.reset(productId, 0);
      expect((await scene.decide(scene.purchase(productId))).map(brief)).toEqual(['sold_out']);
      expect(await scene.ledger.reset(9_999_999, 5)).toMatchObject({
        kind: 'refused',
        code: 'unknown_product',
      });
    });

    test('lets units of the old round leave the product when they come back', async () => {
      const productId = await scene.sale({ units: 10, holdSeconds: HOLD_SECONDS });
      const declined = await scene.reserve(productId, { quantity: 2 });
      const tried = await scene.reserve(productId, { quantity: 3 });
      await scene.reserve(productId, { quantity: 4 });
      await scene.ledger.lease([declined.id, tried.id], LONG_MS);
      await scene.ledger.reset(productId, 5);

      const changes = await scene.ledger.settle([
        { orderId: declined.id, attempt: 1, leases: 1, result: failedWith('declined') },
        { orderId: tried.id, attempt: 1, leases: 1, result: failedWith('give_up') },
      ]);
      expect(briefly(changes).stock).toMatchObject([{ productId, available: 5 }]);
      expect(await scene.product(productId)).toMatchObject({ total: 9, reserved: 4, sold: 0 });

      await scene.passTime(HOLD_SECONDS * 1_000);
      await scene.ledger.expireOverdue(10_000);
      expect(await scene.product(productId)).toMatchObject({ total: 5, reserved: 0, sold: 0 });
    });

    test('leaves an order of the old round its units when it is paid', async () => {
      const productId = await scene.sale({ units: 10 });
      const order = await scene.reserve(productId, { quantity: 3 });
      await scene.ledger.reset(productId, 5);
      await scene.charge(order.id, captured());
      expect(await scene.product(productId)).toMatchObject({ total: 8, reserved: 0, sold: 3 });
    });

    test('begins the limit per customer anew, and the old round gives nothing back to the new one', async () => {
      const productId = await scene.sale({ perCustomerLimit: 1 });
      const old = await scene.reserve(productId, { customer: 'ann' });
      await scene.ledger.reset(productId, 10);
      const again = () => scene.decide(scene.purchase(productId, { customer: 'ann' }));
      expect((await again()).map(brief)).toEqual(['reserved']);
      await scene.charge(old.id, failedWith('declined'));
      expect((await again()).map(brief)).toEqual(['limit_reached']);
    });

    test('amid concurrent batches still sells exactly its units', async () => {
      const productId = await scene.sale({ units: 1_000 });
      const crowd = () =>
        scene.ledger.decide(Array.from({ length: 20 }, () => scene.purchase(productId))).then(() => {});
      await Promise.all([crowd(), crowd(), scene.ledger.reset(productId, 30), crowd(), crowd()]);
      await crowd();
      await crowd();
      const { total, reserved } = await scene.product(productId);
      const ofTheRound = total - reserved;
      expect(ofTheRound).toBe(0);
      expect((await scene.product(productId)).generation).toBe(2);
    });
  });
}
