import { describe, expect, test } from 'bun:test';
import { brief, LONG_MS, type Scene } from './scene.contract.ts';

/** When a sale takes purchases. */
export function windows(scene: Scene): void {
  describe('windows', () => {
    test('a sync purchase is judged by the window of now', async () => {
      const now = scene.now();
      const sales = await Promise.all([
        scene.sale({ opensAt: now + LONG_MS }),
        scene.sale({ opensAt: now - LONG_MS, closesAt: now + LONG_MS }),
        scene.sale({ closesAt: now - LONG_MS }),
      ]);
      const outcomes = await scene.decide(...sales.map((id) => scene.purchase(id)));
      expect(outcomes.map(brief)).toEqual(['sale_not_open', 'reserved', 'sale_closed']);
      expect(outcomes[0]).toMatchObject({ available: 10 });
    });

    test('a sale opens and closes as its time comes', async () => {
      const productId = await scene.sale({ opensAt: scene.now() + 300, closesAt: scene.now() + 700 });
      const ask = async () => brief((await scene.decide(scene.purchase(productId)))[0]);
      expect(await ask()).toBe('sale_not_open');
      await scene.passTime(301);
      expect(await ask()).toBe('reserved');
      await scene.passTime(400);
      expect(await ask()).toBe('sale_closed');
    });

    test('a paused sale refuses sync purchases until it goes on', async () => {
      const productId = await scene.sale();
      await scene.setState(productId, 'paused');
      expect((await scene.decide(scene.purchase(productId))).map(brief)).toEqual(['sale_paused']);
      await scene.setState(productId, 'open');
      expect((await scene.decide(scene.purchase(productId))).map(brief)).toEqual(['reserved']);
    });

    test('a queued purchase is not refused because the sale closed or was paused meanwhile', async () => {
      const closed = await scene.sale({ closesAt: scene.now() - LONG_MS });
      const paused = await scene.sale();
      await scene.setState(paused, 'paused');
      const outcomes = await scene.decide(
        scene.purchase(closed, { channel: 'async' }),
        scene.purchase(paused, { channel: 'async' }),
      );
      expect(outcomes.map(brief)).toEqual(['reserved', 'reserved']);
    });

    test('a refusal that was certain at acceptance stands, although there are units', async () => {
      const productId = await scene.sale();
      for (const refusal of ['sale_closed', 'sale_not_open', 'sale_paused', 'too_old'] as const) {
        const request = scene.purchase(productId, { channel: 'async', refusal });
        expect((await scene.decide(request)).map(brief)).toEqual([refusal]);
        expect((await scene.ledger.find([request.id])).get(request.id)).toMatchObject({ code: refusal });
      }
      expect(await scene.units(productId)).toEqual([10, 0, 0]);
    });
  });
}
