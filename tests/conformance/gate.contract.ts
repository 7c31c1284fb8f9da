import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { StockVersion } from '../../src/domain/product.ts';
import type { Gate } from '../../src/ports/gate.ts';
import { until } from '../support/until.ts';

/** What every gate must do, whatever keeps its counters. `make` answers a gate that shares nothing with others. */
export function gateContract(name: string, make: () => Promise<Gate>): void {
  describe(`gate: ${name}`, () => {
    let gate: Gate;
    let productId = 100;
    const stock = (version: number, available: number): StockVersion => ({
      productId,
      version,
      available,
    });
    const claims = async (quantities: number[], seen: StockVersion | null = null) => {
      const answer = await gate.claim(productId, quantities, seen);
      return answer.known ? answer.claims : 'unknown product';
    };

    beforeAll(async () => {
      gate = await make();
    });
    afterAll(() => gate.close());

    test('a product it was never shown is unknown and nothing is claimed', async () => {
      productId++;
      expect(await claims([1])).toBe('unknown product');
      await gate.update(stock(1, 1), 'ifNewer');
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('claims in arrival order, passes over what is too big and goes on', async () => {
      productId++;
      expect(await claims([2, 9, 3, 1], stock(1, 5))).toEqual(['claimed', 'refused', 'claimed', 'wait']);
    });

    test('short only by claims in flight means wait, short by the ledger means refused', async () => {
      productId++;
      expect(await claims([3, 1], stock(1, 3))).toEqual(['claimed', 'wait']);
      expect(await claims([1, 4])).toEqual(['wait', 'refused']);
      expect(await claims([1], stock(2, 0))).toEqual(['refused']);
    });

    test('updates a newer stock and ignores an older or equal one', async () => {
      productId++;
      await gate.update(stock(5, 2), 'ifNewer');
      await gate.update(stock(4, 9), 'ifNewer');
      await gate.update(stock(5, 9), 'ifNewer');
      expect(await claims([1, 1, 1])).toEqual(['claimed', 'claimed', 'wait']);
      await gate.update(stock(6, 1), 'ifNewer');
      expect(await claims([1, 1])).toEqual(['claimed', 'wait']);
    });

    test('a stock shown over the same forgets its claims, and does not replace a newer one', async () => {
      productId++;
      await gate.update(stock(5, 2), 'ifNewer');
      expect(await claims([1, 1, 1])).toEqual(['claimed', 'claimed', 'wait']);
      await gate.update(stock(5, 2), 'ifNotOlder');
      expect(await claims([2])).toEqual(['claimed']);
      await gate.update(stock(4, 9), 'ifNotOlder');
      expect(await claims([1])).toEqual(['wait']);
      await gate.update(stock(6, 1), 'ifNotOlder');
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('a stock shown over any wins over a newer version, because it is the truth of now', async () => {
      productId++;
      await gate.update(stock(9, 0), 'ifNewer');
      await gate.update(stock(3, 2), 'force');
      expect(await claims([2])).toEqual(['claimed']);
      await gate.update(stock(4, 1), 'ifNewer');
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('the answer shows the stock it was judged by', async () => {
      productId++;
      const answer = await gate.claim(productId, [1], stock(7, 3));
      expect(answer.known && answer.stock).toEqual(stock(7, 3));
    });

    test('products do not touch each other', async () => {
      productId++;
      await gate.update(stock(1, 1), 'ifNewer');
      await gate.update({ productId: productId + 1, version: 1, available: 1 }, 'ifNewer');
      expect(await claims([1, 1])).toEqual(['claimed', 'wait']);
      productId++;
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('concurrent claims never hand out more than there is', async () => {
      productId++;
      await gate.update(stock(1, 50), 'ifNewer');
      const answers = await Promise.all(Array.from({ length: 30 }, () => claims([1, 1, 1])));
      expect(answers.flat().filter((claim) => claim === 'claimed')).toHaveLength(50);
    });

    test('a product that it forgot is unknown again, and others are not', async () => {
      productId++;
      await gate.update(stock(1, 5), 'ifNewer');
      await gate.update({ productId: productId + 1, version: 1, available: 5 }, 'ifNewer');
      await gate.forget(productId);
      await until(async () => (await claims([1])) === 'unknown product');
      productId++;
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('a ping finds it well', () => gate.ping());
  });
}
