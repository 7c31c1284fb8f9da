import { describe, expect, test } from 'bun:test';
import { AppError } from '../../../src/domain/errors.ts';
import type { Order } from '../../../src/domain/order.ts';
import { NO_CHANGES } from '../../../src/ports/changes.ts';
import { brief, orderIn, type Scene } from './scene.contract.ts';

/** One batch, one commit: who gets units, in which order, and what the answer says. */
export function deciding(scene: Scene): void {
  describe('deciding', () => {
    test('decides in the order given, passes over what is too big, and goes on', async () => {
      const productId = await scene.sale({ units: 5 });
      const outcomes = await scene.decide(
        ...[2, 9, 3, 1].map((quantity) => scene.purchase(productId, { quantity })),
      );
      expect(outcomes.map(brief)).toEqual(['reserved', 'sold_out', 'reserved', 'sold_out']);
      expect([outcomes[1], outcomes[3]]).toMatchObject([{ available: 3 }, { available: 0 }]);
      expect(await scene.units(productId)).toEqual([0, 5, 0]);
    });

    test('an order keeps all of its purchase, and the answer says what the buyer is told of it', async () => {
      const productId = await scene.sale({ units: 5, priceMinor: 1_234, currency: 'JPY', holdSeconds: 90 });
      const request = scene.purchase(productId, { quantity: 2, customer: 'ümit 🎉', channel: 'async' });
      const { createdAt, ...told } = orderIn((await scene.decide(request))[0]);
      expect(told).toEqual({ id: request.id, remaining: 3, priceMinor: 1_234, currency: 'JPY' });
      const order = await scene.order(request.id);
      expect(order).toEqual({
        id: request.id,
        productId,
        generation: 1,
        number: 1,
        customer: 'ümit 🎉',
        quantity: 2,
        priceMinor: 1_234,
        currency: 'JPY',
        channel: 'async',
        status: 'reserved',
        remaining: 3,
        createdAt,
        expiresAt: createdAt + 90_000,
        attempts: 0,
        updatedAt: createdAt,
      });
      expect(Math.abs(createdAt - scene.now())).toBeLessThan(5_000);
      expect(await scene.ledger.order(request.id)).toEqual({ order, payments: [] });
    });

    test('numbers rise and what remains falls, within a batch and over batches', async () => {
      const productId = await scene.sale({ units: 6 });
      const answers: Order[] = [];
      for (const size of [3, 1, 2]) {
        const batch = Array.from({ length: size }, () => scene.purchase(productId));
        answers.push(...(await scene.orders(await scene.decide(...batch))));
      }
      expect(answers.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(answers.map(({ remaining }) => remaining)).toEqual([5, 4, 3, 2, 1, 0]);
    });

    test('products of one batch are decided each by itself, and each has numbers of its own', async () => {
      const [one, two] = [await scene.sale({ units: 1 }), await scene.sale({ units: 2 })];
      const outcomes = await scene.decide(...[two, one, one, two, two].map((id) => scene.purchase(id)));
      expect(outcomes.map(brief)).toEqual(['reserved', 'reserved', 'sold_out', 'reserved', 'sold_out']);
      expect((await scene.orders(outcomes)).map(({ number }) => number)).toEqual([1, 1, 2]);
    });

    test('an unknown product is refused as such and its neighbours are not', async () => {
      const productId = await scene.sale();
      const outcomes = await scene.decide(scene.purchase(9_999_999), scene.purchase(productId));
      expect(outcomes.map(brief)).toEqual(['unknown_product', 'reserved']);
      expect(outcomes[0]).toMatchObject({ available: 0 });
    });

    test('the decision shows each product it named as it stands after the commit', async () => {
      const [one, two] = [await scene.sale({ units: 3 }), await scene.sale({ units: 3 })];
      const before = await scene.product(two);
      const decision = await scene.ledger.decide([
        scene.purchase(one),
        scene.purchase(two, { quantity: 9 }),
        scene.purchase(one),
        scene.purchase(9_999_999),
      ]);
      const byId = [...decision.changes.products].sort((a, b) => a.id - b.id);
      expect(byId).toEqual([await scene.product(one), before]);
      expect(byId.map(({ reserved }) => reserved)).toEqual([2, 0]);
      const made = decision.outcomes.flatMap((one) => (one.kind === 'reserved' ? one.order.id : []));
      expect(decision.changes).toMatchObject({ reserved: made, orders: [], decided: [] });
      expect(made).toHaveLength(2);
    });

    test('a version rises by one with each batch that takes units, and not with refusals', async () => {
      const productId = await scene.sale({ units: 3 });
      const { version } = await scene.product(productId);
      await scene.decide(scene.purchase(productId), scene.purchase(productId));
      expect((await scene.product(productId)).version).toBe(version + 1);
      await scene.decide(scene.purchase(productId, { quantity: 2 }));
      expect((await scene.product(productId)).version).toBe(version + 1);
      await scene.decide(scene.purchase(productId));
      expect((await scene.product(productId)).version).toBe(version + 2);
    });

    test('a batch of nothing decides nothing', async () => {
      expect(await scene.ledger.decide([])).toEqual({ outcomes: [], changes: NO_CHANGES });
    });

    test('a sync refusal leaves no trace', async () => {
      const productId = await scene.sale({ units: 0 });
      const request = scene.purchase(productId);
      expect((await scene.decide(request)).map(brief)).toEqual(['sold_out']);
      expect((await scene.ledger.find([request.id])).size).toBe(0);
      await scene.ledger.reset(productId, 1);
      expect((await scene.decide(request)).map(brief)).toEqual(['reserved']);
    });

    test('a purchase that breaks a constraint fails its batch as a whole, and nothing of the batch is kept', async () => {
      const productId = await scene.sale({ units: 5 });
      const good = scene.purchase(productId);
      const bad = scene.purchase(productId, { quantity: 0 });
      const queued = scene.purchase(productId, { channel: 'async', refusal: 'sale_closed' });
      const decidedBefore = (await scene.ledger.asyncCounts()).decided;

      const failure = await scene.ledger.decide([good, queued, bad]).catch((error) => error);
      expect(failure).toBeInstanceOf(Error);
      expect(failure).not.toBeInstanceOf(AppError);
      expect((await scene.ledger.find([good.id, bad.id, queued.id])).size).toBe(0);
      expect(await scene.units(productId)).toEqual([5, 0, 0]);
      expect((await scene.ledger.asyncCounts()).decided).toBe(decidedBefore);
      expect((await scene.decide(good, queued)).map(brief)).toEqual(['reserved', 'sale_closed']);
    });

    test('concurrent batches sell every unit once and no unit twice', async () => {
      const productId = await scene.sale({ units: 50 });
      const batches = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          scene.decide(
            ...Array.from({ length: 8 }, (_, j) =>
              scene.purchase(productId, { quantity: 1 + ((i + j) % 3), customer: `customer-${j}` }),
            ),
          ),
        ),
      );
      const orders = await scene.orders(batches.flat());
      expect(orders.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(50);
      expect(await scene.units(productId)).toEqual([0, 50, 0]);
      const inOrder = orders.sort((a, b) => a.number - b.number);
      expect(inOrder.map(({ number }) => number)).toEqual(inOrder.map((_, i) => i + 1));
      let left = 50;
      for (const { remaining, quantity } of inOrder) {
        left -= quantity;
        expect(remaining).toBe(left);
      }
    });
  });
}
