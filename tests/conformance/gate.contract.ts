import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { Gate } from '../../src/ports/gate.ts';
import type { Standing } from '../../src/ports/ledger.ts';

/** What every gate must do, whatever keeps its counters. `make` answers a gate that shares nothing with others. */
export function gateContract(name: string, make: () => Promise<Gate>): void {
  describe(`gate: ${name}`, () => {
    let gate: Gate;
    let productId = 100;
    const standing = (version: number, available: number): Standing => ({ productId, version, available });
    const claims = async (quantities: number[], seen: Standing | null = null) => {
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
      await gate.follow(standing(1, 1));
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('claims in arrival order, passes over what is too big and goes on', async () => {
      productId++;
      expect(await claims([2, 9, 3, 1], standing(1, 5))).toEqual(['claimed', 'refused', 'claimed', 'wait']);
    });

    test('short only by claims in flight means wait, short by the ledger means refused', async () => {
      productId++;
      expect(await claims([3, 1], standing(1, 3))).toEqual(['claimed', 'wait']);
      expect(await claims([1, 4])).toEqual(['wait', 'refused']);
      expect(await claims([1], standing(2, 0))).toEqual(['refused']);
    });

    test('follows a newer standing and ignores an older or equal one', async () => {
      productId++;
      await gate.follow(standing(5, 2));
      await gate.follow(standing(4, 9));
      await gate.follow(standing(5, 9));
      expect(await claims([1, 1, 1])).toEqual(['claimed', 'claimed', 'wait']);
      await gate.follow(standing(6, 1));
      expect(await claims([1, 1])).toEqual(['claimed', 'wait']);
    });

    test('a standing shown over the same forgets its claims, and does not replace a newer one', async () => {
      productId++;
      await gate.follow(standing(5, 2));
      expect(await claims([1, 1, 1])).toEqual(['claimed', 'claimed', 'wait']);
      await gate.follow(standing(5, 2), 'same');
      expect(await claims([2])).toEqual(['claimed']);
      await gate.follow(standing(4, 9), 'same');
      expect(await claims([1])).toEqual(['wait']);
      await gate.follow(standing(6, 1), 'same');
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('a standing shown over any wins over a newer version, because it is the truth of now', async () => {
      productId++;
      await gate.follow(standing(9, 0));
      await gate.follow(standing(3, 2), 'any');
      expect(await claims([2])).toEqual(['claimed']);
      await gate.follow(standing(4, 1));
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('the answer shows the standing it was judged by', async () => {
      productId++;
      const answer = await gate.claim(productId, [1], standing(7, 3));
      expect(answer.known && answer.standing).toEqual(standing(7, 3));
    });

    test('products do not touch each other', async () => {
      productId++;
      await gate.follow(standing(1, 1));
      await gate.follow({ productId: productId + 1, version: 1, available: 1 });
      expect(await claims([1, 1])).toEqual(['claimed', 'wait']);
      productId++;
      expect(await claims([1])).toEqual(['claimed']);
    });

    test('concurrent claims never hand out more than there is', async () => {
      productId++;
      await gate.follow(standing(1, 50));
      const answers = await Promise.all(Array.from({ length: 30 }, () => claims([1, 1, 1])));
      expect(answers.flat().filter((claim) => claim === 'claimed')).toHaveLength(50);
    });

    test('a ping finds it well', () => gate.ping());
  });
}
