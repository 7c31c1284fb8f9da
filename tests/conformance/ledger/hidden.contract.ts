import { expect, test } from 'bun:test';
import { audit } from '../../../src/app/ops/audit.ts';
import type { AuditEntry } from '../../../src/domain/audit-entry.ts';
import { TEST_CURRENCY } from '../../../src/domain/product.ts';
import { captured, type Scene } from './scene.contract.ts';

const MANY = 1_000;

/** Products for rehearsals: in no list but their own, and removed with all that their sale left. */
export function hidden(scene: Scene): void {
  const hiddenSale = (options = {}) => scene.sale({ currency: TEST_CURRENCY, ...options });

  function entry(productId: number, action: AuditEntry['action'] = 'product.remove'): AuditEntry {
    const subject = `product/${productId}`;
    return { id: Bun.randomUUIDv7(), actor: 'grace', action, subject, reason: 'for the test', details: {} };
  }

  const remove = (productId: number, limit = MANY, as = entry(productId)) =>
    scene.ledger.removeProduct(productId, as, limit);
  const close = (productId: number) => scene.ledger.closeSale(productId, entry(productId, 'sale.drain'));
  const listed = async (isHidden?: boolean) =>
    (await scene.ledger.productsAfter(0, MANY, isHidden)).map(({ id }) => id);
  const breaches = async () => audit(await scene.books()).filter(({ pass }) => !pass);
  const keyOf = (customer: string, channel = 'sync') => ({
    scope: `${channel}:customer:${customer}`,
    value: `hidden-${customer}`,
    fingerprint: 'one',
  });

  test('a hidden product is in the list of hidden ones and in no other, and is found by its id', async () => {
    const [plain, secret] = [await scene.sale(), await hiddenSale()];
    expect(await listed()).toContain(plain);
    expect(await listed()).not.toContain(secret);
    expect(await listed(true)).toContain(secret);
    expect(await listed(true)).not.toContain(plain);
    expect(await scene.product(secret)).toMatchObject({ id: secret, currency: TEST_CURRENCY });
    await close(secret);
    expect(await remove(secret)).toEqual({ kind: 'removed' });
  });

  test('a product that buyers see is never removed', async () => {
    const productId = await scene.sale();
    await close(productId);
    expect(await remove(productId)).toMatchObject({ kind: 'refused', code: 'product_not_hidden' });
    expect(await scene.units(productId)).toEqual([10, 0, 0]);
  });

  test('a hidden product is removed once its sale is closed and no order is unpaid', async () => {
    const productId = await hiddenSale();
    const { id } = await scene.reserve(productId);
    expect(await remove(productId)).toMatchObject({ kind: 'refused', code: 'sale_not_drained' });
    await close(productId);
    expect(await remove(productId)).toMatchObject({ kind: 'refused', code: 'sale_not_drained' });
    await scene.charge(id, captured());
    expect(await remove(productId)).toEqual({ kind: 'part' });
    const last = entry(productId);
    expect(await remove(productId, MANY, last)).toEqual({ kind: 'removed' });
    // The answer was lost, and the same is asked for again.
    expect(await remove(productId, MANY, last)).toEqual({ kind: 'removed' });
    expect(await remove(productId)).toMatchObject({ kind: 'refused', code: 'unknown_product' });
    expect((await scene.ledger.auditLog(1, null))[0]).toMatchObject({
      id: last.id,
      action: 'product.remove',
    });
  });

  test('all that its sale left goes with it, part by part, the books balance at each, and other sales keep theirs', async () => {
    const other = await scene.sale();
    const kept = await scene.reserve(other, { customer: 'ann', channel: 'async' });
    const keptRefusal = scene.purchase(other, { channel: 'async', quantity: 99 });
    await scene.decide(keptRefusal);

    const productId = await hiddenSale({ units: 5, perCustomerLimit: 2 });
    const ann = await scene.reserve(productId, { customer: 'ann', key: keyOf('ann') });
    const bob = await scene.reserve(productId, { customer: 'bob', channel: 'async' });
    const declined = await scene.reserve(productId, { customer: 'cy' });
    const refusals = [1, 2, 3].map(() => scene.purchase(productId, { channel: 'async', quantity: 99 }));
    await scene.decide(...refusals);
    await scene.ledger.countAttempts([refusals[0]!.id]);
    await scene.ledger.bindKeys([
      { key: keyOf('di', 'async'), purchaseId: refusals[1]!.id, acceptedAt: scene.now() },
    ]);
    for (const { id } of [ann, bob]) await scene.charge(id, captured());
    await scene.charge(declined.id, { type: 'declined', reason: 'for the test' });
    await scene.ledger.reset(productId, 3);
    const { decided } = await scene.ledger.asyncCounts();
    await close(productId);

    let parts = 0;
    while ((await remove(productId, 2)).kind === 'part') {
      parts++;
      expect(await breaches()).toEqual([]);
    }
    expect(parts).toBeGreaterThan(1);
    expect(await breaches()).toEqual([]);
    const ids = [ann, bob, declined, ...refusals].map(({ id }) => id);
    expect(await scene.ledger.product(productId)).toBeUndefined();
    expect((await scene.ledger.find(ids)).size).toBe(0);
    expect(await scene.ledger.order(ann.id)).toBeUndefined();
    expect(await scene.ledger.countAttempts([refusals[0]!.id])).toEqual([1]);
    const books = await scene.books();
    expect(books.generations.filter((one) => one.productId === productId)).toEqual([]);
    expect(books.money.filter(({ currency }) => currency === TEST_CURRENCY)).toEqual([]);
    const again = scene.newId();
    const keys = [keyOf('ann'), keyOf('di', 'async')];
    const bound = await scene.ledger.bindKeys(
      keys.map((key) => ({ key, purchaseId: again, acceptedAt: scene.now() })),
    );
    expect(bound.map(({ purchaseId }) => purchaseId)).toEqual([again, again]);
    // So that no key of this test is without its order.
    await scene.ledger.prune({ outcomes: 0, keys: scene.now() + 1, auditEntries: 0 }, MANY);

    expect((await scene.ledger.asyncCounts()).decided).toBe(decided);
    expect((await scene.order(kept.id)).status).toBe('reserved');
    expect((await scene.ledger.find([keptRefusal.id])).get(keptRefusal.id)?.kind).toBe('refused');
  });
}
