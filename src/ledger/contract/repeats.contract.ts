import { describe, expect, test } from 'bun:test';
import type { Purchase } from '../../domain/purchase.ts';
import { brief, captured, orderIn, type Scene } from './scene.contract.ts';

/** The same purchase asked again, which is how unknown outcomes are found out and redeliveries do no harm. */
export function repeats(scene: Scene): void {
  describe.each(['sync', 'async'] as const)('a repeated id (%s)', (channel) => {
    const wishFor = (productId: number, changes: Partial<Purchase> = {}) =>
      scene.purchase(productId, { channel, ...changes });

    test('in the same batch is one order', async () => {
      const productId = await scene.sale({ units: 5 });
      const wish = wishFor(productId, { quantity: 2 });
      const outcomes = await scene.decide(wish, wish, wish);
      expect(outcomes.map(brief)).toEqual(['reserved', 'again', 'again']);
      expect(orderIn(outcomes[1])).toEqual(orderIn(outcomes[0]));
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });

    test('in a later batch gets its first answer, word for word, and takes nothing', async () => {
      const productId = await scene.sale({ units: 5 });
      const wish = wishFor(productId);
      const first = orderIn((await scene.decide(wish))[0]);
      await scene.decide(scene.purchase(productId));
      const [again] = await scene.decide(wish);
      expect(again).toEqual({ kind: 'reserved', order: first, repeated: true });
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });

    test('gets its order also when the units are gone, the sale closed, paused, or begun anew', async () => {
      const productId = await scene.sale({ units: 1, closesAt: scene.now() + 400 });
      const wish = wishFor(productId);
      const first = orderIn((await scene.decide(wish))[0]);
      expect((await scene.decide(wish)).map(brief)).toEqual(['again']);
      await scene.setState(productId, 'paused');
      expect((await scene.decide(wish)).map(brief)).toEqual(['again']);
      await scene.setState(productId, 'open');
      await scene.passTime(400);
      expect((await scene.decide(wish)).map(brief)).toEqual(['again']);
      await scene.ledger.reset(productId, 5);
      const [again] = await scene.decide(wish);
      expect(again).toEqual({ kind: 'reserved', order: first, repeated: true });
      expect(await scene.units(productId)).toEqual([5, 1, 0]);
    });

    test('keeps number and remaining when the order has moved on', async () => {
      const productId = await scene.sale();
      const wish = wishFor(productId);
      const first = orderIn((await scene.decide(wish))[0]);
      await scene.charge(wish.id, captured());
      const again = orderIn((await scene.decide(wish))[0]);
      expect(again).toEqual({ ...first, status: 'paid', attempts: 1, updatedAt: again.updatedAt });
    });

    test('asked by many at once is one order', async () => {
      const productId = await scene.sale({ units: 5 });
      const wish = wishFor(productId);
      const answers = await Promise.all(Array.from({ length: 10 }, () => scene.decide(wish)));
      const words = answers.flat().map(brief).sort();
      expect(words).toEqual([...Array(9).fill('again'), 'reserved']);
      expect(await scene.units(productId)).toEqual([4, 1, 0]);
    });
  });

  describe('a refused id', () => {
    test('on the sync path may have units later', async () => {
      const productId = await scene.sale({ units: 1 });
      const wish = scene.purchase(productId);
      await scene.decide(scene.purchase(productId), wish);
      await scene.ledger.reset(productId, 1);
      expect((await scene.decide(wish)).map(brief)).toEqual(['reserved']);
    });

    test('on the async path keeps its refusal, in the same batch, later, and after a reset', async () => {
      const productId = await scene.sale({ units: 0 });
      const wish = scene.purchase(productId, { channel: 'async' });
      const [first, twin] = await scene.decide(wish, wish);
      expect([brief(first), brief(twin)]).toEqual(['sold_out', 'sold_out']);
      await scene.ledger.reset(productId, 5);
      expect(await scene.decide(wish)).toEqual([first!]);
      expect(await scene.decide({ ...wish, refusal: 'too_old' })).toEqual([first!]);
      expect(await scene.units(productId)).toEqual([5, 0, 0]);
    });
  });
}
