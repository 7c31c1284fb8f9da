import { describe, expect, test } from 'bun:test';
import type { Purchase } from '../../../src/domain/purchase.ts';
import { brief, LONG_MS, orderIn, type Scene } from './scene.contract.ts';

/** What a buyer pays who insists on a price. */
export function prices(scene: Scene): void {
  describe.each(['sync', 'async'] as const)('B19 a purchase that expects a price (%s)', (channel) => {
    const request = (productId: number, expectedPriceMinor: number | null, changes: Partial<Purchase> = {}) =>
      scene.purchase(productId, { channel, expectedPriceMinor, ...changes });

    test('buys at that price and is refused at any other, and its neighbours are not', async () => {
      const productId = await scene.sale({ priceMinor: 250, units: 3 });
      const outcomes = await scene.decide(
        request(productId, 250),
        request(productId, 249),
        request(productId, 0),
        request(productId, null),
      );
      expect(outcomes.map(brief)).toEqual(['reserved', 'price_changed', 'price_changed', 'reserved']);
      expect(outcomes[1]).toMatchObject({ available: 2 });
      expect(orderIn(outcomes[0]).priceMinor).toBe(250);
      expect(await scene.units(productId)).toEqual([1, 2, 0]);
    });

    test('is judged by the price at the decision, whatever it was when the request came', async () => {
      const productId = await scene.sale({ priceMinor: 250 });
      const [before, after] = [request(productId, 250), request(productId, 300)];
      const operation = { id: Bun.randomUUIDv7(), actor: 'a', reason: null, details: {} };
      await scene.ledger.changeProduct(
        productId,
        { priceMinor: 300 },
        { ...operation, action: 'product.change', subject: `product/${productId}` },
        null,
      );
      expect((await scene.decide(before, after)).map(brief)).toEqual(['price_changed', 'reserved']);
    });

    test('keeps its first answer when the price has changed since', async () => {
      const productId = await scene.sale({ priceMinor: 250 });
      const key = { scope: `${channel}:prices`, value: scene.newId(), fingerprint: 'f' };
      const bought = request(productId, 250, { key, decideBy: scene.now() + LONG_MS });
      const first = orderIn((await scene.decide(bought))[0]);
      const operation = { id: Bun.randomUUIDv7(), actor: 'a', reason: null, details: {} };
      await scene.ledger.changeProduct(
        productId,
        { priceMinor: 300 },
        { ...operation, action: 'product.change', subject: `product/${productId}` },
        null,
      );
      expect(await scene.decide(bought)).toEqual([{ kind: 'reserved', order: first, repeated: true }]);
    });

    test('of an unknown product hears that first, and one past its time that', async () => {
      const productId = await scene.sale({ priceMinor: 250 });
      const outcomes = await scene.decide(
        request(9_000_000_001, 1),
        request(productId, 1, { decideBy: scene.now() }),
      );
      expect(outcomes.map(brief)).toEqual(['unknown_product', 'too_old']);
    });
  });
}
