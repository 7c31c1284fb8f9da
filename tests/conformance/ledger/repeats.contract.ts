import { describe, expect, test } from 'bun:test';
import type { Purchase } from '../../../src/domain/purchase.ts';
import { brief, captured, LONG_MS, orderIn, type Scene } from './scene.contract.ts';

/** The same purchase asked again, which is how unknown outcomes are found out and redeliveries do no harm. */
export function repeats(scene: Scene): void {
  describe.each(['sync', 'async'] as const)('a repeated id (%s)', (channel) => {
    const wishFor = (productId: number, changes: Partial<Purchase> = {}) =>
      scene.purchase(productId, { channel, ...changes });

    test('in the same batch is one order', async () => {
      const productId = await scene.sale({ units: 5 });
      const request = wishFor(productId, { quantity: 2 });
      const outcomes = await scene.decide(request, request, request);
      expect(outcomes.map(brief)).toEqual(['reserved', 'again', 'again']);
      expect(orderIn(outcomes[1])).toEqual(orderIn(outcomes[0]));
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });

    test('in a later batch gets its first answer, word for word, and takes nothing', async () => {
      const productId = await scene.sale({ units: 5 });
      const request = wishFor(productId);
      const first = orderIn((await scene.decide(request))[0]);
      await scene.decide(scene.purchase(productId));
      const [again] = await scene.decide(request);
      expect(again).toEqual({ kind: 'reserved', order: first, repeated: true });
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });

    test('gets its order also when the units are gone, the sale closed, paused, or begun anew', async () => {
      const productId = await scene.sale({ units: 1, closesAt: scene.now() + 400 });
      const request = wishFor(productId);
      const first = orderIn((await scene.decide(request))[0]);
      expect((await scene.decide(request)).map(brief)).toEqual(['again']);
      await scene.setState(productId, 'paused');
      expect((await scene.decide(request)).map(brief)).toEqual(['again']);
      await scene.setState(productId, 'open');
      await scene.passTime(400);
      expect((await scene.decide(request)).map(brief)).toEqual(['again']);
      await scene.ledger.reset(productId, 5);
      const [again] = await scene.decide(request);
      expect(again).toEqual({ kind: 'reserved', order: first, repeated: true });
      expect(await scene.units(productId)).toEqual([5, 1, 0]);
    });

    test('gets its first answer when the order has moved on, too', async () => {
      const productId = await scene.sale();
      const request = wishFor(productId);
      const first = orderIn((await scene.decide(request))[0]);
      await scene.charge(request.id, captured());
      const again = orderIn((await scene.decide(request))[0]);
      expect(again).toEqual(first);
      expect(await scene.order(request.id)).toMatchObject({ status: 'paid', attempts: 1, number: 1 });
    });

    test('asked by many at once is one order', async () => {
      const productId = await scene.sale({ units: 5 });
      const request = wishFor(productId);
      const answers = await Promise.all(Array.from({ length: 10 }, () => scene.decide(request)));
      const words = answers.flat().map(brief).sort();
      expect(words).toEqual([...Array(9).fill('again'), 'reserved']);
      expect(await scene.units(productId)).toEqual([4, 1, 0]);
    });
  });

  describe('a refused id', () => {
    test('on the sync path may have units later', async () => {
      const productId = await scene.sale({ units: 1 });
      const request = scene.purchase(productId);
      await scene.decide(scene.purchase(productId), request);
      await scene.ledger.reset(productId, 1);
      expect((await scene.decide(request)).map(brief)).toEqual(['reserved']);
    });

    test('on the async path keeps its refusal, in the same batch, later, and after a reset', async () => {
      const productId = await scene.sale({ units: 0 });
      const request = scene.purchase(productId, { channel: 'async' });
      const [first, duplicate] = await scene.decide(request, request);
      expect([brief(first), brief(duplicate)]).toEqual(['sold_out', 'sold_out']);
      await scene.ledger.reset(productId, 5);
      expect(await scene.decide(request)).toEqual([first!]);
      expect(await scene.decide({ ...request, refusal: 'too_old' })).toEqual([first!]);
      expect(await scene.units(productId)).toEqual([5, 0, 0]);
    });
  });

  describe('P1 a refusal is final', () => {
    test('when the purchase was asked for again: the first asking, however late, finds it', async () => {
      const productId = await scene.sale({ units: 1 });
      const request = scene.purchase(productId);
      const neighbour = scene.purchase(productId);
      await scene.decide(scene.purchase(productId));
      const { outcomes } = await scene.ledger.decide([request], true);
      expect(outcomes.map(brief)).toEqual(['sold_out']);
      await scene.ledger.reset(productId, 5);
      expect(await scene.decide(request)).toEqual(outcomes);
      expect((await scene.decide(neighbour, request, scene.purchase(productId))).map(brief)).toEqual([
        'reserved',
        'sold_out',
        'reserved',
      ]);
      expect((await scene.ledger.decide([request], true)).outcomes).toEqual(outcomes);
      expect((await scene.ledger.find([request.id])).get(request.id)).toMatchObject({ code: 'sold_out' });
      expect(await scene.units(productId)).toEqual([3, 3, 0]);
    });

    test('and an order that was made in time is found by the second asking', async () => {
      const productId = await scene.sale({ units: 1 });
      const request = scene.purchase(productId);
      const order = orderIn((await scene.decide(request))[0]);
      const { outcomes } = await scene.ledger.decide([request], true);
      expect(outcomes).toEqual([{ kind: 'reserved', order, repeated: true }]);
    });

    test('when its time is over: it is too old, whatever is left, with a key and without', async () => {
      const productId = await scene.sale({ units: 5 });
      const late = { acceptedAt: scene.now() - 2_000, decideBy: scene.now() };
      const key = { scope: 'sync:late', value: scene.newId(), fingerprint: 'f' };
      const requests = [scene.purchase(productId, late), scene.purchase(productId, { ...late, key })];
      for (const request of requests) expect((await scene.decide(request)).map(brief)).toEqual(['too_old']);
      expect((await scene.decide(scene.purchase(productId), ...requests)).map(brief)).toEqual([
        'reserved',
        'too_old',
        'too_old',
      ]);
      expect(await scene.units(productId)).toEqual([4, 1, 0]);
    });

    test('when its key was refused: whatever request with it had come by then gets nothing any more', async () => {
      const productId = await scene.sale({ units: 0 });
      const key = { scope: 'sync:superseded', value: scene.newId(), fingerprint: 'f' };
      const accepted = scene.now();
      const [early, refused, later] = [0, 5, 10].map((ms) =>
        scene.purchase(productId, { key, acceptedAt: accepted + ms, decideBy: accepted + LONG_MS }),
      );
      await scene.passTime(20);
      expect((await scene.decide(refused!)).map(brief)).toEqual(['sold_out']);
      await scene.ledger.reset(productId, 5);
      expect((await scene.decide(early!)).map(brief)).toEqual(['superseded']);
      expect((await scene.decide(later!)).map(brief)).toEqual(['superseded']);
      expect((await scene.ledger.decide([early!], true)).outcomes.map(brief)).toEqual(['superseded']);
      const other = { ...key, value: scene.newId() };
      expect((await scene.decide({ ...early!, id: scene.newId(), key: other })).map(brief)).toEqual([
        'reserved',
      ]);
      // The buyer may still try again.
      await scene.passTime(20);
      const again = scene.purchase(productId, { key, acceptedAt: scene.now() });
      expect((await scene.decide(again)).map(brief)).toEqual(['reserved']);
      expect((await scene.decide(early!)).map(brief)).toEqual(['again']);
      expect(await scene.units(productId)).toEqual([3, 2, 0]);
    });
  });

  describe('a purchase of which nothing is known', () => {
    test('is ended when its time is over and not before, and then it stays so', async () => {
      const productId = await scene.sale({ units: 5 });
      for (const channel of ['sync', 'async'] as const) {
        const request = scene.purchase(productId, { channel });
        const { decided } = await scene.ledger.asyncCounts();
        await scene.ledger.conclude(request);
        expect((await scene.ledger.find([request.id])).size).toBe(0);
        await scene.ledger.conclude({ ...request, decideBy: scene.now() });
        await scene.ledger.conclude({ ...request, decideBy: scene.now() });
        expect((await scene.ledger.find([request.id])).get(request.id)).toMatchObject({
          kind: 'refused',
          code: 'too_old',
          productId: null,
          quantity: null,
        });
        expect((await scene.decide(request)).map(brief)).toEqual(['too_old']);
        expect((await scene.ledger.asyncCounts()).decided - decided).toBe(channel === 'async' ? 1 : 0);
      }
      expect(await scene.units(productId)).toEqual([5, 0, 0]);
    });

    test('is not ended when it has an order or a refusal', async () => {
      const productId = await scene.sale({ units: 1 });
      const bought = scene.purchase(productId);
      const refused = scene.purchase(productId, { channel: 'async' });
      await scene.decide(bought, refused);
      const before = await scene.ledger.find([bought.id, refused.id]);
      for (const request of [bought, refused])
        await scene.ledger.conclude({ ...request, decideBy: scene.now() });
      expect(await scene.ledger.find([bought.id, refused.id])).toEqual(before);
    });
  });
}
