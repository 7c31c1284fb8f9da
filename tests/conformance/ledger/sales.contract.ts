import { describe, expect, test } from 'bun:test';
import type { AuditEntry } from '../../../src/domain/audit-entry.ts';
import { UNITS_MAX } from '../../../src/domain/product.ts';
import type { ProductChanges } from '../../../src/domain/product-changes.ts';
import type { SaleStep } from '../../../src/domain/product-steps.ts';
import { brief, captured, LONG_MS, type Scene } from './scene.contract.ts';

/** What operators do to products and their sales. */
export function sales(scene: Scene): void {
  const thing = { name: 'Thing', priceMinor: 100, currency: 'EUR', units: 5 };
  const change = (productId: number, changes: ProductChanges, version: number | null = null) =>
    scene.ledger.changeProduct(productId, changes, anEntry(productId), version);
  const logged = async (id: string) =>
    (await scene.ledger.auditLog(5, null)).find((operation) => operation.id === id);

  describe('a new product', () => {
    test('gets the lowest free id, is on sale at once, and is written down in the same commit', async () => {
      const taken = (await scene.ledger.products()).map(({ id }) => id);
      let lowest = 1;
      while (taken.includes(lowest)) lowest++;
      const operation = anEntry(0);
      const { product } = done(await scene.ledger.createProduct(thing, operation));
      const { units, ...named } = thing;
      expect(product).toEqual({
        ...named,
        description: null,
        imageUrl: null,
        id: lowest,
        total: units,
        reserved: 0,
        sold: 0,
        version: 1,
        generation: 1,
        state: 'open',
        opensAt: null,
        closesAt: null,
        perCustomerLimit: null,
        customerRequired: false,
        holdSeconds: 600,
      });
      expect(await scene.described(product.id)).toEqual(product);
      expect(await logged(operation.id)).toMatchObject({ subject: `product/${product.id}` });
      scene.skipIds(product.id);
    });

    test('that is asked for again by the same operation is made once', async () => {
      const operation = anEntry(0);
      const first = done(await scene.ledger.createProduct(thing, operation)).product;
      const again = await scene.ledger.createProduct({ ...thing, name: 'Other' }, operation);
      expect(again).toEqual({ kind: 'done', product: first });
      scene.skipIds(first.id);
    });

    test('does not take the place of another', async () => {
      const id = await scene.sale();
      const product = await scene.described(id);
      expect(await scene.ledger.createProduct({ ...thing, id }, anEntry(id))).toEqual(
        refused('product_exists', null, product),
      );
    });

    test('B23 that opens a few seconds ago by the clock of its operator opens now, and a change does', async () => {
      const opensAt = scene.now() - 3_000;
      const step = await scene.ledger.createProduct({ ...thing, opensAt }, anEntry(0));
      expect(step).toMatchObject({ kind: 'done', product: { opensAt } });
      const { id } = step.product!;
      scene.skipIds(id);
      expect((await scene.decide(scene.purchase(id))).map(brief)).toEqual(['reserved']);
      const later = await scene.sale({ opensAt: scene.now() + LONG_MS });
      expect(await change(later, { opensAt })).toMatchObject({ kind: 'done', product: { opensAt } });
      expect((await scene.decide(scene.purchase(later))).map(brief)).toEqual(['reserved']);
    });

    test('opens neither in the past nor after it closes', async () => {
      const now = scene.now();
      const create = async (times: { opensAt?: number; closesAt?: number }) =>
        scene.ledger.createProduct({ ...thing, ...times }, anEntry(0));
      expect(await create({ opensAt: now - 20_000 })).toEqual(
        refused('schedule_in_the_past', 'opensAt', null),
      );
      expect(await create({ closesAt: now - 1_000 })).toEqual(
        refused('schedule_in_the_past', 'closesAt', null),
      );
      expect(await create({ opensAt: now + LONG_MS, closesAt: now + LONG_MS })).toEqual(
        refused('closes_before_opens', 'closesAt', null),
      );
    });

    test('has an id of its own when several are made at once', async () => {
      const made = await Promise.all(
        Array.from({ length: 5 }, () => scene.ledger.createProduct(thing, anEntry(0))),
      );
      const ids = made.map((step) => done(step).product.id);
      expect(new Set(ids).size).toBe(5);
      scene.skipIds(Math.max(...ids));
    });

    test('is found in pages by id', async () => {
      const [first, second] = [await scene.sale(), await scene.sale()];
      const page = await scene.ledger.productsAfter(first - 1, 1);
      expect(page).toEqual([await scene.described(first)]);
      expect((await scene.ledger.productsAfter(first, 100)).map(({ id }) => id)).toContain(second);
      expect(await scene.ledger.productsAfter(2 ** 53 - 1, 100)).toEqual([]);
    });
  });

  describe('a change', () => {
    test('of everything is one new version, written down with it', async () => {
      const id = await scene.sale({ units: 10 });
      const before = await scene.described(id);
      const opensAt = scene.now() + LONG_MS;
      const changes = {
        name: 'Ein "neues" Ding',
        priceMinor: 333,
        state: 'paused' as const,
        opensAt,
        closesAt: opensAt + LONG_MS,
        perCustomerLimit: 2,
        holdSeconds: 30,
      };
      const operation = anEntry(id);
      const step = await scene.ledger.changeProduct(
        id,
        { ...changes, addUnits: 5 },
        operation,
        before.version,
      );
      const { product } = done(step);
      expect(product).toEqual({ ...before, ...changes, total: 15, version: before.version + 1 });
      expect(await scene.described(id)).toEqual(product);
      expect(await logged(operation.id)).toMatchObject(operation);

      const cleared = done(await change(id, { opensAt: null, closesAt: null, perCustomerLimit: null }));
      expect(cleared.product).toMatchObject({ opensAt: null, closesAt: null, perCustomerLimit: null });
    });

    test('that changes nothing leaves the version as it is, and is written down', async () => {
      const id = await scene.sale();
      const before = await scene.described(id);
      const operation = anEntry(id);
      const same = { name: before.name, state: 'open', opensAt: null, addUnits: 0 } as const;
      expect(await scene.ledger.changeProduct(id, same, operation, null)).toEqual({
        kind: 'done',
        product: before,
      });
      expect(await logged(operation.id)).toBeDefined();
    });

    test('that is asked for again by the same operation is made once', async () => {
      const id = await scene.sale({ units: 10 });
      const operation = anEntry(id);
      const first = await scene.ledger.changeProduct(id, { addUnits: 5 }, operation, null);
      expect(await scene.ledger.changeProduct(id, { addUnits: 5 }, operation, null)).toEqual(first);
      expect(await scene.units(id)).toEqual([15, 0, 0]);
    });

    test('that breaks a rule leaves no trace, not even what is right of it', async () => {
      const id = await scene.sale({ opensAt: scene.now() + LONG_MS });
      const before = await scene.described(id);
      const operation = anEntry(id);
      const changes = { name: 'Other', addUnits: 3, closesAt: scene.now() + 1_000 };
      expect(await scene.ledger.changeProduct(id, changes, operation, null)).toEqual(
        refused('closes_before_opens', 'closesAt', before),
      );
      expect(await scene.described(id)).toEqual(before);
      expect(await logged(operation.id)).toBeUndefined();
    });

    test('of a version that is no more is refused', async () => {
      const id = await scene.sale();
      const { version } = await scene.described(id);
      await scene.reserve(id);
      expect(await change(id, { priceMinor: 1 }, version)).toEqual(
        refused('version_mismatch', null, await scene.described(id)),
      );
    });

    test('of a product that is not there is refused', async () => {
      const nobody = refused('unknown_product', null, null);
      expect(await change(8_000_000_000, { priceMinor: 1 })).toEqual(nobody);
      expect(await scene.ledger.closeSale(8_000_000_000, anEntry(1))).toEqual(nobody);
    });

    test('sets no time that has passed, and minds none that passed since', async () => {
      const now = scene.now();
      const id = await scene.sale({ opensAt: now - LONG_MS, closesAt: now + LONG_MS });
      expect(await change(id, { opensAt: now - 20_000 })).toMatchObject({ code: 'schedule_in_the_past' });
      expect(await change(id, { closesAt: now - 1_000 })).toMatchObject({ field: 'closesAt' });
      expect(await change(id, { opensAt: now + 2 * LONG_MS })).toMatchObject({
        code: 'closes_before_opens',
        field: 'opensAt',
      });
      expect((await change(id, { opensAt: now - LONG_MS, name: 'Same time' })).kind).toBe('done');
    });

    test('of the price and the hold is for orders from now on', async () => {
      const id = await scene.sale({ priceMinor: 250 });
      const before = await scene.reserve(id);
      await change(id, { priceMinor: 300, holdSeconds: 5 });
      const after = await scene.reserve(id);
      expect([before.priceMinor, after.priceMinor]).toEqual([250, 300]);
      expect(after.expiresAt - after.createdAt).toBe(5_000);
      expect((await scene.order(before.id)).expiresAt).toBe(before.expiresAt);
    });
  });

  describe('units', () => {
    test('are added to the round that runs, and sold', async () => {
      const id = await scene.sale({ units: 1 });
      await scene.reserve(id);
      await scene.ledger.reset(id, 0);
      await change(id, { addUnits: 2 });
      expect(await scene.units(id)).toEqual([2, 1, 0]);
      expect((await scene.decide(scene.purchase(id, { quantity: 2 }))).map(brief)).toEqual(['reserved']);
    });

    test('are taken away as far as they are free', async () => {
      const id = await scene.sale({ units: 10 });
      await scene.reserve(id, { quantity: 4 });
      expect(await change(id, { addUnits: -7 })).toMatchObject({
        code: 'units_below_committed',
        field: 'addUnits',
      });
      await change(id, { addUnits: -6 });
      expect(await scene.units(id)).toEqual([0, 4, 0]);
    });

    test('are never more than a counter holds', async () => {
      const id = await scene.sale({ units: UNITS_MAX - 1 });
      expect(await change(id, { addUnits: 2 })).toMatchObject({ code: 'units_too_many', field: 'addUnits' });
      expect((await change(id, { addUnits: 1 })).kind).toBe('done');
    });
  });

  describe('a limit that is set while the sale runs', () => {
    test('counts what customers hold already, also what is being refunded, and not what came back', async () => {
      const id = await scene.sale({ units: 20 });
      const paid = await scene.reserve(id, { customer: 'ann', quantity: 2 });
      await scene.charge(paid.id, captured());
      await scene.ledger.refund(paid.id, { ...anEntry(id), action: 'order.refund' });
      await scene.reserve(id, { customer: 'ann' });
      const declined = await scene.reserve(id, { customer: 'bob', quantity: 3 });
      await scene.charge(declined.id, { type: 'declined', reason: 'no' });
      await scene.reserve(id, { quantity: 5 });

      expect(await change(id, { perCustomerLimit: 2 })).toMatchObject({
        code: 'limit_below_held',
        field: 'perCustomerLimit',
        mostHeld: 3,
      });
      expect((await change(id, { perCustomerLimit: 3 })).kind).toBe('done');
      const outcomes = await scene.decide(
        scene.purchase(id, { customer: 'ann' }),
        scene.purchase(id, { customer: 'bob', quantity: 3 }),
      );
      expect(outcomes.map(brief)).toEqual(['limit_reached', 'reserved']);
      await scene.ledger.settleRefunds([{ orderId: paid.id, attempt: 1 }]);
    });

    test('is lowered as far as nobody holds more, and taken away with what it counted', async () => {
      const id = await scene.sale({ perCustomerLimit: 4 });
      await scene.reserve(id, { customer: 'ann', quantity: 2 });
      expect(await change(id, { perCustomerLimit: 1 })).toMatchObject({ mostHeld: 2 });
      expect((await change(id, { perCustomerLimit: 2 })).kind).toBe('done');
      await change(id, { perCustomerLimit: null });
      await scene.reserve(id, { customer: 'ann', quantity: 3 });
      expect(await change(id, { perCustomerLimit: 4 })).toMatchObject({ mostHeld: 5 });
    });

    test('minds this round alone', async () => {
      const id = await scene.sale();
      await scene.reserve(id, { customer: 'ann', quantity: 5 });
      await scene.ledger.reset(id, 10);
      expect((await change(id, { perCustomerLimit: 1 })).kind).toBe('done');
      expect((await scene.decide(scene.purchase(id, { customer: 'ann' }))).map(brief)).toEqual(['reserved']);
    });

    test('holds among purchases and charges that are under way', async () => {
      const id = await scene.sale({ units: 1_000 });
      const crowd = Array.from({ length: 20 }, async (_, i) => {
        const requests = Array.from({ length: 10 }, (_, customer) =>
          scene.purchase(id, { customer: `c${customer}` }),
        );
        if (i === 10) await change(id, { perCustomerLimit: 12 });
        const outcomes = await scene.decide(...requests);
        for (const outcome of outcomes.slice(0, 2)) {
          if (outcome.kind === 'reserved') {
            await scene.charge(outcome.order.id, { type: 'declined', reason: 'no' });
          }
        }
      });
      await Promise.all(crowd);
      const { perCustomerLimit } = await scene.described(id);
      // Refused when somebody held more by then; the books balance either way, which is looked at after each test.
      expect([12, null]).toContain(perCustomerLimit);
    });
  });

  describe('a sale that is closed', () => {
    test('sells nothing from that moment on, and what is under way goes on', async () => {
      const id = await scene.sale({ closesAt: scene.now() + LONG_MS });
      const order = await scene.reserve(id);
      const operation = anEntry(id);
      const { product } = done(await scene.ledger.closeSale(id, operation));
      expect(product.closesAt).toBeLessThanOrEqual(scene.now() + CLOCK_MS);
      expect((await scene.decide(scene.purchase(id))).map(brief)).toEqual(['sale_closed']);
      await scene.charge(order.id, captured());
      expect(await scene.units(id)).toEqual([9, 0, 1]);
      expect(await logged(operation.id)).toMatchObject({ subject: `product/${id}` });

      expect(await scene.ledger.closeSale(id, anEntry(id))).toEqual({
        kind: 'done',
        product: await scene.described(id),
      });
      expect((await scene.described(id)).closesAt).toBe(product.closesAt);
    });

    test('before it opened does not open any more', async () => {
      const id = await scene.sale({ opensAt: scene.now() + LONG_MS });
      await scene.ledger.closeSale(id, anEntry(id));
      expect((await scene.decide(scene.purchase(id))).map(brief)).toEqual(['sale_closed']);
    });

    test('is opened again by another closing time', async () => {
      const id = await scene.sale();
      await scene.ledger.closeSale(id, anEntry(id));
      await change(id, { closesAt: null });
      expect((await scene.decide(scene.purchase(id))).map(brief)).toEqual(['reserved']);
    });
  });

  describe('B18 an operation with a key', () => {
    const keyed = (productId: number, fingerprint = 'f', value = `key of ${productId}`): AuditEntry => ({
      ...anEntry(productId),
      key: { value, fingerprint },
    });

    test('is done once, whoever asks again: units, a reset, a new product', async () => {
      const id = await scene.sale({ units: 10 });
      const add = (operation: AuditEntry) => scene.ledger.changeProduct(id, { addUnits: 5 }, operation, null);
      const first = keyed(id);
      const { product } = done(await add(first));
      expect(product.total).toBe(15);
      expect(await add(keyed(id))).toEqual({ kind: 'done', product });
      expect((await add(keyed(id, 'f', 'another key'))).product!.total).toBe(20);
      const last = (await scene.ledger.auditLog(1, null))[0]!;
      expect(last).not.toHaveProperty('key');

      const round = () => scene.ledger.reset(id, 4, keyed(id, 'f', `reset ${id}`));
      expect((await round()).product).toMatchObject({ total: 4, generation: 2 });
      expect((await round()).product).toMatchObject({ total: 4, generation: 2 });

      const value = `new ${id}`;
      const made = done(await scene.ledger.createProduct(thing, keyed(0, 'f', value))).product;
      scene.skipIds(made.id);
      const again = await scene.ledger.createProduct(thing, keyed(0, 'f', value));
      expect(again).toEqual({ kind: 'done', product: made });
      expect(await scene.ledger.product(made.id + 1)).toBeUndefined();
    });

    test('is refused when it asks for something else, and nothing is changed', async () => {
      const id = await scene.sale({ units: 10 });
      await scene.ledger.changeProduct(id, { addUnits: 5 }, keyed(id), null);
      const before = await scene.described(id);
      const others = [
        await scene.ledger.changeProduct(id, { addUnits: 6 }, keyed(id, 'other'), null),
        await scene.ledger.reset(id, 1, keyed(id, 'other')),
        await scene.ledger.createProduct(thing, keyed(id, 'other')),
      ];
      expect(others).toEqual(Array(3).fill(refused('idempotency_mismatch', null, before)));
      expect(await scene.described(id)).toEqual(before);
    });

    test('asked for by many at once is done once', async () => {
      const id = await scene.sale({ units: 10 });
      const steps = await Promise.all([
        ...Array.from({ length: 5 }, () => scene.ledger.changeProduct(id, { addUnits: 5 }, keyed(id), null)),
        ...Array.from({ length: 5 }, () => scene.ledger.reset(id, 7, keyed(id, 'f', `round of ${id}`))),
      ]);
      expect(steps.map(({ kind }) => kind)).toEqual(Array(10).fill('done'));
      expect(await scene.described(id)).toMatchObject({ generation: 2 });
      expect([7, 12]).toContain((await scene.described(id)).total);
      const made = await Promise.all(
        Array.from({ length: 5 }, () => scene.ledger.createProduct(thing, keyed(0, 'f', `many ${id}`))),
      );
      const ids = new Set(made.map(({ product }) => product!.id));
      scene.skipIds([...ids][0]!);
      expect(ids.size).toBe(1);
    });

    test('that was refused may be asked for again', async () => {
      const id = await scene.sale({ units: 1 });
      const take = () => scene.ledger.changeProduct(id, { addUnits: -2 }, keyed(id), null);
      expect(await take()).toMatchObject({ code: 'units_below_committed' });
      await change(id, { addUnits: 5 });
      expect((await take()).product!.total).toBe(4);
      expect((await take()).product!.total).toBe(4);
    });
  });

  test('a reset is written down in its commit, and done once', async () => {
    const id = await scene.sale({ units: 10 });
    const operation = { ...anEntry(id), action: 'stock.reset' as const };
    const first = await scene.ledger.reset(id, 4, operation);
    expect(first).toMatchObject({ kind: 'done', product: { total: 4, generation: 2 } });
    expect(await scene.ledger.reset(id, 4, operation)).toEqual(first);
    expect(await logged(operation.id)).toMatchObject({ action: 'stock.reset' });
  });
}

/** A backend's clock as this process knows it may be off by a little. */
const CLOCK_MS = 50;

function anEntry(productId: number): AuditEntry {
  return {
    id: Bun.randomUUIDv7(),
    actor: 'grace',
    action: 'product.change',
    subject: `product/${productId}`,
    reason: 'for the test',
    details: {},
  };
}

function done(step: SaleStep): Extract<SaleStep, { kind: 'done' }> {
  if (step.kind !== 'done') throw new Error(`refused: ${step.code}`);
  return step;
}

type Refused = Extract<SaleStep, { kind: 'refused' }>;

function refused(code: Refused['code'], field: Refused['field'], product: Refused['product']): Refused {
  return { kind: 'refused', code, field, product, mostHeld: null };
}
