import { describe, expect, test } from 'bun:test';
import { brief, type Scene } from './scene.contract.ts';

/** What is kept about purchases of the async path: outcomes, attempts, and those an operator has to look at. */
export function queued(scene: Scene): void {
  describe('a queued purchase', () => {
    test('that is refused has its refusal recorded, once and for good', async () => {
      const productId = await scene.sale({ units: 3 });
      const request = scene.purchase(productId, { channel: 'async', quantity: 4 });
      expect((await scene.decide(request)).map(brief)).toEqual(['sold_out']);
      const found = (await scene.ledger.find([request.id])).get(request.id)!;
      const decidedAt = found.kind === 'refused' ? found.decidedAt : 0;
      expect(found).toEqual({
        kind: 'refused',
        productId,
        quantity: 4,
        code: 'sold_out',
        available: 3,
        decidedAt,
      });
      expect(Math.abs(decidedAt - scene.now())).toBeLessThan(5_000);

      await scene.ledger.reset(productId, 9);
      await scene.decide(request);
      expect((await scene.ledger.find([request.id])).get(request.id)).toEqual(found);
    });

    test('for an unknown product, above the limit or too old is recorded likewise', async () => {
      const limited = await scene.sale({ perCustomerLimit: 1 });
      const requests = [
        scene.purchase(9_999_999, { channel: 'async' }),
        scene.purchase(limited, { channel: 'async', quantity: 2, customer: 'ann' }),
        scene.purchase(limited, { channel: 'async', refusal: 'too_old' }),
      ];
      await scene.decide(...requests);
      const found = await scene.ledger.find(requests.map(({ id }) => id));
      expect(requests.map(({ id }) => found.get(id))).toMatchObject([
        { kind: 'refused', code: 'unknown_product', productId: 9_999_999 },
        { kind: 'refused', code: 'limit_reached', quantity: 2 },
        { kind: 'refused', code: 'too_old' },
      ]);
    });

    test('is found as its order, and an id nobody decided is missing', async () => {
      const productId = await scene.sale();
      const request = scene.purchase(productId, { channel: 'async' });
      await scene.decide(request);
      const order = await scene.order(request.id);
      const nobody = scene.newId();
      const found = await scene.ledger.find([nobody, request.id, 'not an id at all']);
      expect([...found]).toEqual([[request.id, { kind: 'order', order }]]);
      expect(await scene.ledger.order(nobody)).toBeUndefined();
      expect(await scene.ledger.order('not an id at all')).toBeUndefined();
    });

    test('is counted as decided once, granted or refused, however often it is asked for', async () => {
      const productId = await scene.sale({ units: 1 });
      const [granted, refused] = [
        scene.purchase(productId, { channel: 'async' }),
        scene.purchase(productId, { channel: 'async' }),
      ];
      const before = (await scene.ledger.asyncCounts()).decided;
      await scene.decide(granted, scene.purchase(productId), refused, granted, refused);
      await scene.decide(refused, granted);
      expect((await scene.ledger.asyncCounts()).decided - before).toBe(2);
    });

    test('has its attempts counted, each by itself', async () => {
      const [one, two] = [scene.newId(), scene.newId()];
      expect(await scene.ledger.countAttempts([one, two])).toEqual([1, 1]);
      expect(await scene.ledger.countAttempts([two])).toEqual([2]);
      expect(await scene.ledger.countAttempts([two, one])).toEqual([3, 2]);
      expect((await scene.ledger.find([one])).size).toBe(0);
    });

    test('that nobody could decide needs attention until it is decided or replayed', async () => {
      const productId = await scene.sale();
      const [decided, replayed] = [
        scene.purchase(productId, { channel: 'async' }),
        scene.purchase(productId, { channel: 'async' }),
      ];
      const ids = [decided.id, replayed.id];
      await scene.ledger.countAttempts(ids);
      await scene.ledger.markNeedsAttention(ids, true);
      expect([...(await scene.ledger.find(ids)).values()]).toEqual([
        { kind: 'needs_attention' },
        { kind: 'needs_attention' },
      ]);

      await scene.decide(decided);
      await scene.ledger.markNeedsAttention([replayed.id], false);
      const found = await scene.ledger.find(ids);
      expect(found.get(decided.id)).toMatchObject({ kind: 'order' });
      expect(found.has(replayed.id)).toBe(false);
    });

    test('that is replayed has all its attempts again', async () => {
      const id = scene.newId();
      await scene.ledger.countAttempts([id]);
      await scene.ledger.countAttempts([id]);
      await scene.ledger.markNeedsAttention([id], true);
      await scene.ledger.markNeedsAttention([id], false);
      expect(await scene.ledger.countAttempts([id])).toEqual([1]);
    });
  });
}
