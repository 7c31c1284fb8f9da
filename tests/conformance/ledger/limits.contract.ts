import { describe, expect, test } from 'bun:test';
import { brief, captured, failedWith, HOLD_SECONDS, type Scene } from './scene.contract.ts';

/** What one customer may hold of a limited sale. */
export function limits(scene: Scene): void {
  describe('the limit per customer', () => {
    const ask = async (productId: number, customer: string | null, ...quantities: number[]) =>
      (
        await scene.decide(...quantities.map((quantity) => scene.purchase(productId, { quantity, customer })))
      ).map(brief);

    test('is summed up within one batch', async () => {
      const productId = await scene.sale({ perCustomerLimit: 3 });
      expect(await ask(productId, 'ann', 2, 2, 1, 1)).toEqual([
        'reserved',
        'limit_reached',
        'reserved',
        'limit_reached',
      ]);
      expect(await scene.units(productId)).toEqual([7, 3, 0]);
    });

    test('is summed up over batches, for each customer alone', async () => {
      const productId = await scene.sale({ perCustomerLimit: 2 });
      expect(await ask(productId, 'ann', 1)).toEqual(['reserved']);
      expect(await ask(productId, 'bob', 2)).toEqual(['reserved']);
      expect(await ask(productId, 'ann', 2, 1)).toEqual(['limit_reached', 'reserved']);
      expect(await ask(productId, 'bob', 1)).toEqual(['limit_reached']);
    });

    test('refuses at once what is above it, and says how many units there are', async () => {
      const productId = await scene.sale({ units: 10, perCustomerLimit: 2 });
      const [outcome] = await scene.decide(scene.purchase(productId, { quantity: 3, customer: 'ann' }));
      expect(outcome).toEqual({ kind: 'refused', code: 'limit_reached', available: 10 });
    });

    test('B20 binds everybody where the sale wants a customer: an anonymous buyer is refused, on both ways', async () => {
      const productId = await scene.sale({ perCustomerLimit: 1, customerRequired: true });
      for (const channel of ['sync', 'async'] as const) {
        const requests = [null, `${channel}-ann`, `${channel}-ann`, null].map((customer) =>
          scene.purchase(productId, { channel, customer }),
        );
        expect((await scene.decide(...requests)).map(brief)).toEqual([
          'customer_required',
          'reserved',
          'limit_reached',
          'customer_required',
        ]);
      }
      expect(await scene.units(productId)).toEqual([8, 2, 0]);
      // A batch of nobody but anonymous buyers, and one without a limit.
      expect(await ask(productId, null, 1, 1)).toEqual(['customer_required', 'customer_required']);
      const unlimited = await scene.sale({ customerRequired: true });
      expect(await ask(unlimited, null, 1)).toEqual(['customer_required']);
      expect(await ask(unlimited, 'ann', 3, 3)).toEqual(['reserved', 'reserved']);
    });

    test('does not bind an anonymous buyer', async () => {
      const productId = await scene.sale({ perCustomerLimit: 1 });
      expect(await ask(productId, null, 4, 4)).toEqual(['reserved', 'reserved']);
    });

    test('of one product is not touched by another', async () => {
      const [one, two] = [
        await scene.sale({ perCustomerLimit: 1 }),
        await scene.sale({ perCustomerLimit: 1 }),
      ];
      expect([...(await ask(one, 'ann', 1)), ...(await ask(two, 'ann', 1))]).toEqual([
        'reserved',
        'reserved',
      ]);
    });

    test('holds for sync and queued purchases together', async () => {
      const productId = await scene.sale({ perCustomerLimit: 1 });
      const outcomes = await scene.decide(
        scene.purchase(productId, { customer: 'ann', channel: 'async' }),
        scene.purchase(productId, { customer: 'ann' }),
      );
      expect(outcomes.map(brief)).toEqual(['reserved', 'limit_reached']);
    });

    test('holds among concurrent batches', async () => {
      const productId = await scene.sale({ units: 100, perCustomerLimit: 5 });
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(productId, 'ann', 2, 1)));
      expect(answers.flat().filter((answer) => answer === 'reserved').length).toBeGreaterThan(0);
      expect(await scene.units(productId)).toEqual([95, 5, 0]);
    });

    test('is not used up by an order that is asked for again', async () => {
      const productId = await scene.sale({ perCustomerLimit: 2 });
      const request = scene.purchase(productId, { customer: 'ann' });
      expect((await scene.decide(request, request)).map(brief)).toEqual(['reserved', 'again']);
      expect((await scene.decide(request)).map(brief)).toEqual(['again']);
      expect(await ask(productId, 'ann', 1, 1)).toEqual(['reserved', 'limit_reached']);
      expect((await scene.decide(request)).map(brief)).toEqual(['again']);
    });

    test('is given back by orders that end without a sale, and not by paid ones', async () => {
      const productId = await scene.sale({ perCustomerLimit: 1, holdSeconds: HOLD_SECONDS });
      const [declined, overdue, paid] = [
        await scene.reserve(productId, { customer: 'declined' }),
        await scene.reserve(productId, { customer: 'overdue' }),
        await scene.reserve(productId, { customer: 'paid' }),
      ];
      await scene.charge(declined.id, failedWith('declined'));
      await scene.charge(paid.id, captured());
      await scene.passTime(HOLD_SECONDS * 1_000);
      await scene.ledger.expireOverdue(10_000);
      expect((await scene.order(overdue.id)).status).toBe('expired');

      expect(await ask(productId, 'declined', 1, 1)).toEqual(['reserved', 'limit_reached']);
      expect(await ask(productId, 'overdue', 1, 1)).toEqual(['reserved', 'limit_reached']);
      expect(await ask(productId, 'paid', 1)).toEqual(['limit_reached']);
    });
  });
}
