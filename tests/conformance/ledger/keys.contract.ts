import { describe, expect, test } from 'bun:test';
import type { Purchase, PurchaseKey } from '../../../src/domain/purchase.ts';
import { brief, captured, orderIn, type Scene } from './scene.contract.ts';

/** Idempotency keys: bound with the order, in the same commit, for good. */
export function keys(scene: Scene): void {
  let lastValue = 0;
  const newKey = (channel: 'sync' | 'async' = 'sync'): PurchaseKey => ({
    scope: `${channel}:customer:ann`,
    value: `key-${++lastValue}`,
    fingerprint: 'one of these',
  });
  const keyed = (productId: number, key: PurchaseKey, changes: Partial<Purchase> = {}) =>
    scene.purchase(productId, { key, ...changes });

  describe('a key', () => {
    test('seen again with the same request gets the first order, in one batch and later', async () => {
      const productId = await scene.sale({ units: 5 });
      const key = newKey();
      const outcomes = await scene.decide(keyed(productId, key), keyed(productId, key));
      expect(outcomes.map(brief)).toEqual(['reserved', 'again']);
      const first = orderIn(outcomes[0]);
      expect(orderIn(outcomes[1])).toEqual(first);
      await scene.decide(scene.purchase(productId));
      expect(await scene.decide(keyed(productId, key))).toEqual([
        { kind: 'reserved', order: first, repeated: true },
      ]);
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });

    test('gets its order also after the sell-out, a reset and the payment', async () => {
      const productId = await scene.sale({ units: 1 });
      const key = newKey();
      const first = orderIn((await scene.decide(keyed(productId, key)))[0]);
      expect((await scene.decide(keyed(productId, key))).map(brief)).toEqual(['again']);
      await scene.ledger.reset(productId, 5);
      await scene.charge(first.id, captured());
      const [again] = await scene.decide(keyed(productId, key));
      expect(again).toEqual({ kind: 'reserved', order: first, repeated: true });
      expect(await scene.order(first.id)).toMatchObject({ number: 1, generation: 1 });
    });

    test('with another request is a mismatch that takes and changes nothing', async () => {
      const productId = await scene.sale({ units: 5 });
      const key = newKey();
      const other = { ...key, fingerprint: 'two of those' };
      const outcomes = await scene.decide(
        keyed(productId, key),
        keyed(productId, other, { quantity: 2 }),
        scene.purchase(productId),
      );
      expect(outcomes.map(brief)).toEqual(['reserved', 'mismatch', 'reserved']);
      const late = keyed(productId, other);
      expect((await scene.decide(late)).map(brief)).toEqual(['mismatch']);
      expect((await scene.ledger.find([late.id])).size).toBe(0);
      expect((await scene.decide(keyed(productId, key))).map(brief)).toEqual(['again']);
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });

    test('of a refused purchase stays free, also for another request', async () => {
      const productId = await scene.sale({ units: 1 });
      const key = newKey();
      expect((await scene.decide(keyed(productId, key, { quantity: 2 }))).map(brief)).toEqual(['sold_out']);
      const other = { ...key, fingerprint: 'just one, then' };
      expect((await scene.decide(keyed(productId, other))).map(brief)).toEqual(['reserved']);
      expect((await scene.decide(keyed(productId, key))).map(brief)).toEqual(['mismatch']);
    });

    test('of one scope is not that of another', async () => {
      const productId = await scene.sale();
      const key = newKey();
      const elsewhere = { ...key, scope: 'sync:customer:bob' };
      const outcomes = await scene.decide(keyed(productId, key), keyed(productId, elsewhere));
      expect(outcomes.map(brief)).toEqual(['reserved', 'reserved']);
    });

    test('used by many at once makes one order', async () => {
      const productId = await scene.sale({ units: 20 });
      const key = newKey();
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => scene.decide(scene.purchase(productId), keyed(productId, key))),
      );
      const orders = answers.map(([, outcome]) => orderIn(outcome));
      expect(new Set(orders.map(({ id }) => id)).size).toBe(1);
      expect(await scene.units(productId)).toEqual([9, 11, 0]);
    });

    test('bound later by another purchase does not change what a queued one was told', async () => {
      const productId = await scene.sale({ units: 1 });
      const key = newKey('async');
      const refused = keyed(productId, key, { channel: 'async', quantity: 2 });
      const granted = keyed(productId, key, { channel: 'async' });
      expect((await scene.decide(refused, granted)).map(brief)).toEqual(['sold_out', 'reserved']);
      expect((await scene.decide(refused)).map(brief)).toEqual(['sold_out']);
    });
  });

  describe('a key bound before its purchase is queued', () => {
    const binding = (key: PurchaseKey, purchaseId = scene.newId()) => ({
      key,
      purchaseId,
      acceptedAt: scene.now(),
    });

    test('belongs to the first, in one call and later, and everybody is told so', async () => {
      const [key, other] = [newKey('async'), newKey('async')];
      const first = binding(key);
      const changed = { ...binding(key), key: { ...key, fingerprint: 'something else' } };
      const bystander = binding(other);
      expect(await scene.ledger.bindKeys([first, binding(key), changed, bystander])).toEqual([
        first,
        first,
        first,
        bystander,
      ]);
      expect(await scene.ledger.bindKeys([binding(key)])).toEqual([first]);
    });

    test('leads to the order of its purchase', async () => {
      const productId = await scene.sale();
      const key = newKey('async');
      const request = keyed(productId, key, { channel: 'async' });
      await scene.ledger.bindKeys([binding(key, request.id)]);
      expect((await scene.decide(request)).map(brief)).toEqual(['reserved']);
      expect((await scene.decide(request)).map(brief)).toEqual(['again']);
      const second = keyed(productId, key, { channel: 'async' });
      expect(orderIn((await scene.decide(second))[0]).id).toBe(request.id);
    });

    test('leads to the refusal of its purchase', async () => {
      const productId = await scene.sale({ units: 0 });
      const key = newKey('async');
      const request = keyed(productId, key, { channel: 'async' });
      await scene.ledger.bindKeys([binding(key, request.id)]);
      expect((await scene.decide(request, request)).map(brief)).toEqual(['sold_out', 'sold_out']);
      await scene.ledger.reset(productId, 5);
      expect((await scene.decide(request)).map(brief)).toEqual(['sold_out']);
    });

    test('shows the purchase that bound it with its order', async () => {
      const productId = await scene.sale();
      const key = newKey('async');
      const order = await scene.reserve(productId, { key, channel: 'async' });
      const [bound] = await scene.ledger.bindKeys([binding(key)]);
      expect(bound).toMatchObject({ key, purchaseId: order.id });
    });

    test('goes to one of many who bind it at once', async () => {
      const key = newKey('async');
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => scene.ledger.bindKeys([binding(key)])),
      );
      expect(new Set(answers.map(([bound]) => bound!.purchaseId)).size).toBe(1);
    });
  });
}
