import { describe, expect, test } from 'bun:test';
import { UNITS_MAX } from '../../../src/domain/product.ts';
import { brief, captured, failedWith, LONG_MS, type Scene, SHORT_LEASE_MS } from './scene.contract.ts';

/** What is kept for good: products, secrets, and everything else over a restart. */
export function keeping(scene: Scene): void {
  describe('the ledger keeps', () => {
    test('a new product with its defaults, and leaves one that exists as it is', async () => {
      const productId = await scene.sale({
        units: UNITS_MAX,
        holdSeconds: 60,
        perCustomerLimit: 2,
        customerRequired: true,
      });
      const kept = await scene.product(productId);
      expect(kept).toEqual({
        id: productId,
        name: `Thing ${productId}`,
        priceMinor: 250,
        currency: 'EUR',
        total: UNITS_MAX,
        reserved: 0,
        sold: 0,
        version: kept.version,
        generation: 1,
        state: 'open',
        opensAt: null,
        closesAt: null,
        perCustomerLimit: 2,
        customerRequired: true,
        holdSeconds: 60,
      });
      const impostor = { id: productId, name: 'Another', priceMinor: 1, currency: 'USD', units: 1 };
      await scene.ledger.addProducts([impostor]);
      expect(await scene.product(productId)).toEqual(kept);
      expect(await scene.ledger.product(9_999_999)).toBeUndefined();
    });

    test('all products, by id', async () => {
      const newest = [await scene.sale(), await scene.sale()];
      const ids = (await scene.ledger.products()).map(({ id }) => id);
      expect(ids.slice(-2)).toEqual(newest);
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
    });

    test('a secret, the same for everybody, also for those who ask first at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => scene.ledger.secret('of the test', 24)),
      );
      expect(answers[0]).toHaveLength(24);
      for (const answer of answers) expect(answer).toEqual(answers[0]!);
      expect(await scene.ledger.secret('another', 24)).not.toEqual(answers[0]!);
    });

    test('the count of async purchases taken in, corrections included', async () => {
      const before = await scene.ledger.asyncCounts();
      await scene.ledger.countAccepted({ queued: 12, decidedByTheId: 3 });
      await scene.ledger.countAccepted({ queued: -2, decidedByTheId: 0 });
      const { accepted, decided } = await scene.ledger.asyncCounts();
      expect(accepted - before.accepted).toBe(13);
      expect(decided - before.decided).toBe(3);
    });

    test('a leader lease for one owner at a time, who may prolong it or give it up', async () => {
      const { ledger } = scene;
      const people = ['ann', 'bob', 'cy'];
      const had = await Promise.all(people.map((who) => ledger.holdLead('test', who, LONG_MS)));
      const holders = people.filter((_, i) => had[i]);
      expect(holders).toHaveLength(1);
      const [first] = holders as [string];
      const second = people.find((who) => who !== first)!;
      expect(await ledger.holdLead('test', first, LONG_MS)).toBe(true);
      expect(await ledger.holdLead('another', second, LONG_MS)).toBe(true);
      await ledger.leaveLead('test', second);
      expect(await ledger.holdLead('test', second, LONG_MS)).toBe(false);
      await ledger.leaveLead('test', first);
      expect(await ledger.holdLead('test', second, LONG_MS)).toBe(true);
    });

    test('a leader lease no longer than its time', async () => {
      expect(await scene.ledger.holdLead('short', 'ann', SHORT_LEASE_MS)).toBe(true);
      await scene.passTime(2 * SHORT_LEASE_MS);
      expect(await scene.ledger.holdLead('short', 'bob', LONG_MS)).toBe(true);
      expect(await scene.ledger.holdLead('short', 'ann', LONG_MS)).toBe(false);
    });

    test('answering while it is open', async () => {
      await scene.ledger.ping();
    });

    test('everything over a restart', async () => {
      const productId = await scene.sale({ units: 6, perCustomerLimit: 1 });
      const key = { scope: 'sync:customer:ann', value: 'restart', fingerprint: 'one' };
      const ann = await scene.reserve(productId, { customer: 'ann', key });
      const paid = await scene.reserve(productId, { customer: 'bob' });
      const declined = await scene.reserve(productId, { customer: 'cy' });
      const charging = await scene.reserve(productId, { customer: 'di' });
      const refused = scene.purchase(productId, { channel: 'async', quantity: 9 });
      const dead = scene.newId();
      await scene.charge(paid.id, captured());
      await scene.charge(declined.id, failedWith('declined'));
      await scene.ledger.lease([charging.id], LONG_MS);
      await scene.decide(refused);
      await scene.ledger.countAttempts([dead]);
      await scene.ledger.markNeedsAttention([dead], true);
      await scene.ledger.reset(productId, 3);
      const look = async () => ({
        products: await scene.ledger.products(),
        found: [...(await scene.ledger.find([ann.id, paid.id, refused.id, dead]))],
        views: await Promise.all([paid, declined, charging].map(({ id }) => scene.ledger.order(id))),
        decided: (await scene.ledger.asyncCounts()).decided,
        secret: await scene.ledger.secret('restart', 16),
      });
      const before = await look();

      await scene.reopen();
      expect(await look()).toEqual(before);
      expect((await scene.decide(scene.purchase(productId, { key }))).map(brief)).toEqual(['again']);
      expect((await scene.decide(refused)).map(brief)).toEqual(['sold_out']);
      expect(await scene.ledger.lease([charging.id], LONG_MS)).toEqual([]);
      expect(await scene.ledger.countAttempts([dead])).toEqual([2]);
      const next = await scene.reserve(productId, { customer: 'ann' });
      expect(next).toMatchObject({ number: 5, generation: 2, remaining: 2 });
    });
  });
}
