import { beforeAll, describe, expect, test } from 'bun:test';
import { lowestIdAt } from '../../../src/domain/ids.ts';
import { type Order, SHOWN_STATUSES, type ShownStatus } from '../../../src/domain/order.ts';
import { TEST_CURRENCY } from '../../../src/domain/product.ts';
import type { OrderFilter } from '../../../src/ports/queries.ts';
import { captured, failedWith, LONG_MS, orderIn, type Scene } from './scene.contract.ts';

/** More than a page of any test. */
const ALL = 1_000;
/** More open orders than one call looks at, on any backend. */
const CROWD = 6_000;

/** Orders as operators look for them. */
export function searching(scene: Scene): void {
  const found = async (filter: OrderFilter, limit = ALL) =>
    (await scene.ledger.searchOrders(filter, limit)).orders;
  const idsOf = (orders: readonly Pick<Order, 'id'>[]) => orders.map(({ id }) => id);
  const newestFirst = (...orders: readonly Pick<Order, 'id'>[]) => idsOf(orders).toSorted().reverse();
  /** Page after page until the end. */
  async function everyPage(filter: OrderFilter, limit: number): Promise<{ ids: string[]; calls: number }> {
    const ids: string[] = [];
    for (let calls = 1, before: string | null = null; ; calls++) {
      const page = await scene.ledger.searchOrders({ ...filter, before }, limit);
      expect(page.orders.length).toBeLessThanOrEqual(limit);
      ids.push(...idsOf(page.orders));
      if (page.next === null) return { ids, calls };
      before = page.next;
    }
  }

  describe('a search of orders', () => {
    const customer = `searched-${Bun.randomUUIDv7()}`;
    const byStatus = {} as Record<ShownStatus, Order[]>;
    let [product, other] = [0, 0];
    let all: Order[] = [];

    beforeAll(async () => {
      [product, other] = [await scene.sale({ units: 100 }), await scene.sale()];
      const order = (changes = {}) => scene.reserve(product, changes);
      const refunded = async (isOver: boolean) => {
        const { id } = await order();
        await scene.charge(id, captured());
        const entry = {
          id: Bun.randomUUIDv7(),
          actor: 'ann',
          subject: `order/${id}`,
          reason: 'why',
          details: {},
        };
        await scene.ledger.refund(id, { ...entry, action: 'order.refund' });
        if (isOver) await scene.ledger.settleRefunds([{ orderId: id, attempt: 1 }]);
        return id;
      };
      const ended = async (result: Parameters<Scene['charge']>[1]) => {
        const { id } = await order();
        await scene.charge(id, result);
        return id;
      };
      const reserved = [(await order({ customer })).id, (await scene.reserve(other, { customer })).id];
      const charging = [(await order()).id];
      await scene.ledger.lease(charging, LONG_MS);
      const paid = [await ended(captured()), (await order({ customer, quantity: 3 })).id];
      await scene.charge(paid[1]!, captured());
      const cancelled = [(await order()).id];
      await scene.ledger.cancel(cancelled[0]!, { customer: null });
      // Expired, and paid after all: it is found as what it is now.
      const late = await ended(failedWith('give_up'));
      await scene.ledger.captureLate([{ orderId: late, attempt: 1, providerId: 'late' }]);
      paid.push(late);
      // Declined, and its money came nevertheless: to callers it is being refunded.
      const returning = await ended(failedWith('declined'));
      await scene.ledger.captureLate([{ orderId: returning, attempt: 1, providerId: 'late' }]);
      const ids: Record<ShownStatus, string[]> = {
        reserved,
        charging,
        paid,
        cancelled,
        declined: [await ended(failedWith('declined'))],
        expired: [await ended(failedWith('give_up'))],
        refunding: [await refunded(false), returning],
        refunded: [await refunded(true)],
      };
      for (const [status, of] of Object.entries(ids))
        byStatus[status as ShownStatus] = await Promise.all(of.map(scene.order));
      all = Object.values(byStatus).flat();
    });

    const ofProduct = (orders: readonly Order[]) => orders.filter(({ productId }) => productId === product);

    test('by product has all of its orders, newest first, as they stand now', async () => {
      const orders = await found({ productId: product });
      expect(idsOf(orders)).toEqual(newestFirst(...ofProduct(all)));
      for (const order of orders) expect(order).toEqual(await scene.order(order.id));
      expect(idsOf(await found({ productId: other }))).toEqual(newestFirst(byStatus.reserved[1]!));
      expect(await scene.ledger.searchOrders({ productId: 2 ** 52 }, ALL)).toEqual({
        orders: [],
        next: null,
      });
    });

    test.each(SHOWN_STATUSES)(
      'by the status %s has those and no others, of one product and of all',
      async (status) => {
        const expected = ofProduct(byStatus[status]);
        expect(expected.length).toBeGreaterThan(0);
        expect(idsOf(await found({ status, productId: product }))).toEqual(newestFirst(...expected));
        const ofAll = new Set(idsOf(await found({ status })));
        for (const [other, orders] of Object.entries(byStatus))
          for (const { id } of orders) expect([other, ofAll.has(id)]).toEqual([other, other === status]);
      },
    );

    test('by customer compares every character, and goes together with product and status', async () => {
      const own = [byStatus.reserved[0]!, byStatus.reserved[1]!, byStatus.paid[1]!];
      expect(idsOf(await found({ customer }))).toEqual(newestFirst(...own));
      expect(await found({ customer: customer.toUpperCase() })).toEqual([]);
      expect(idsOf(await found({ customer, productId: product }))).toEqual(newestFirst(own[0]!, own[2]!));
      expect(idsOf(await found({ customer, status: 'paid' }))).toEqual(newestFirst(own[2]!));
      expect(await found({ customer, status: 'paid', productId: other })).toEqual([]);
    });

    test('by time has those that were accepted from one moment on, and before another', async () => {
      const ids = idsOf(ofProduct(all)).toSorted();
      const middle = ids[Math.floor(ids.length / 2)]!;
      const atMs = Number.parseInt(middle.replace('-', '').slice(0, 12), 16);
      const [from, to] = [
        await found({ productId: product, fromMs: atMs }),
        await found({ productId: product, toMs: atMs }),
      ];
      expect(idsOf(from)).toEqual(ids.filter((id) => id >= lowestIdAt(atMs)).reverse());
      expect(idsOf(to)).toEqual(ids.filter((id) => id < lowestIdAt(atMs)).reverse());
      expect(idsOf(from)).toContain(middle);
      expect(await found({ productId: product, fromMs: atMs, toMs: atMs })).toEqual([]);
      for (const filter of [
        { customer },
        { status: 'paid' },
        { status: 'expired' },
        { status: 'reserved' },
        {},
      ] as const) {
        expect(await found({ ...filter, toMs: 0 })).toEqual([]);
        expect(await found({ ...filter, fromMs: Date.UTC(9999, 0) })).toEqual([]);
      }
    });

    test('goes on where a page ended, with each filter, and misses and repeats none', async () => {
      for (const filter of [
        {},
        { customer },
        { status: 'paid' },
        { status: 'refunding' },
        { status: 'reserved' },
      ] as const) {
        for (const productId of [product, null]) {
          const once = await everyPage({ ...filter, productId }, ALL);
          const { ids, calls } = await everyPage({ ...filter, productId }, 1);
          expect(ids).toEqual(once.ids);
          expect(calls).toBeGreaterThanOrEqual(ids.length);
          expect(new Set(ids).size).toBe(ids.length);
        }
      }
    });

    test('goes on before an id that no order has', async () => {
      const [newest, next] = (await found({ productId: product })) as [Order, Order];
      const gone = `${newest.id.slice(0, -1)}${newest.id.endsWith('0') ? '1' : '0'}`;
      const { orders } = await scene.ledger.searchOrders({ productId: product, before: gone }, 2);
      expect(idsOf(orders)).toContain(next.id);
    });

    test('finds orders of a hidden product only when asked for that product', async () => {
      const hidden = await scene.sale({ currency: TEST_CURRENCY });
      const who = `rehearsing-${Bun.randomUUIDv7()}`;
      const { id } = await scene.reserve(hidden, { customer: who });
      for (const filter of [{}, { customer: who }, { status: 'reserved' }] as const) {
        expect(idsOf(await found(filter))).not.toContain(id);
        expect(idsOf(await found({ ...filter, productId: hidden }))).toEqual([id]);
      }
      await scene.ledger.cancel(id, { customer: who });
      expect(idsOf(await found({ status: 'cancelled' }))).not.toContain(id);
      expect(idsOf(await found({ status: 'cancelled', productId: hidden }))).toEqual([id]);
      const entry = { actor: 'ann', subject: `product/${hidden}`, reason: 'why', details: {} };
      await scene.ledger.closeSale(hidden, { ...entry, id: Bun.randomUUIDv7(), action: 'sale.drain' });
      for (let kind = 'part'; kind === 'part'; )
        ({ kind } = await scene.ledger.removeProduct(
          hidden,
          { ...entry, id: Bun.randomUUIDv7(), action: 'product.remove' },
          ALL,
        ));
      expect(await found({ productId: hidden })).toEqual([]);
    });

    test('looks at a bounded number of orders per call, and gets to an old one behind a crowd all the same', async () => {
      const productId = await scene.sale({ units: CROWD + 3 });
      const early = `early-${Bun.randomUUIDv7()}`;
      const old = await scene.reserve(productId, { customer: early });
      const held = await scene.reserve(productId);
      await scene.charge(old.id, captured());
      const crowd = Array.from({ length: CROWD }, () => scene.purchase(productId));
      const outcomes = await scene.decide(...crowd);
      await scene.ledger.lease(
        outcomes.map((outcome) => orderIn(outcome).id),
        LONG_MS,
      );
      // A customer's orders may lie far apart.
      const again = await scene.reserve(productId, { customer: early });
      for (const filter of [{}, { productId }])
        expect((await everyPage({ ...filter, customer: early }, 1)).ids).toEqual([again.id, old.id]);
      await scene.ledger.cancel(again.id, { customer: early });
      for (const [status, { id }] of [
        ['paid', old],
        ['reserved', held],
      ] as const) {
        const { ids, calls } = await everyPage({ productId, status }, 10);
        expect(ids).toEqual([id]);
        expect(calls).toBeGreaterThan(1);
      }
    });
  });
}
