import { describe, expect, test } from 'bun:test';
import type { AuditEntry } from '../../../src/domain/audit-entry.ts';
import type { ProductChanges } from '../../../src/domain/product-changes.ts';
import type { Scene } from './scene.contract.ts';

/** What buyers are shown of a product beside its sale. */
export function descriptions(scene: Scene): void {
  const SHOWN = { description: 'Two lines,\nand "quotes" · 🎟', imageUrl: 'https://example.com/a.png?b=1' };

  function anEntry(subject: string): AuditEntry {
    return {
      id: Bun.randomUUIDv7(),
      actor: 'ann',
      action: 'product.change',
      subject,
      reason: 'why',
      details: {},
    };
  }
  const change = async (productId: number, changes: ProductChanges) => {
    const step = await scene.ledger.changeProduct(productId, changes, anEntry(`product/${productId}`), null);
    if (step.kind !== 'done') throw new Error(`refused: ${step.code}`);
    return step.product;
  };

  describe('a description and a picture', () => {
    test('come with a new product, and are in its lists', async () => {
      const thing = { name: 'Thing', priceMinor: 100, currency: 'EUR', units: 5, ...SHOWN };
      const made = await scene.ledger.createProduct(thing, anEntry('product'));
      if (made.kind !== 'done') throw new Error(made.code);
      const { product } = made;
      scene.skipIds(product.id);
      expect(product).toMatchObject(SHOWN);
      expect(await scene.described(product.id)).toEqual(product);
      expect(await scene.ledger.productsAfter(product.id - 1, 1)).toEqual([product]);
      const added = await scene.sale(SHOWN);
      expect(await scene.described(added)).toMatchObject(SHOWN);
      // Added again under its id, a product stays as it is.
      await scene.ledger.addProducts([{ ...thing, id: added, description: 'Other' }]);
      expect(await scene.described(added)).toMatchObject(SHOWN);
    });

    test('are changed one by one, each time with a new version, and taken away by null', async () => {
      const id = await scene.sale();
      expect(await scene.described(id)).toMatchObject({ description: null, imageUrl: null, version: 1 });
      expect(await change(id, { description: 'First' })).toMatchObject({ version: 2, imageUrl: null });
      expect(await change(id, { imageUrl: '/a.png' })).toMatchObject({ version: 3, description: 'First' });
      expect(await change(id, { description: 'First' })).toMatchObject({ version: 3 });
      expect(await change(id, { description: null, addUnits: 1 })).toMatchObject({ version: 4, total: 11 });
      expect(await scene.described(id)).toMatchObject({ description: null, imageUrl: '/a.png', total: 11 });
      expect(await change(id, { imageUrl: null })).toMatchObject({ version: 5, imageUrl: null });
    });

    test('outlive a reset and every sale, and no purchase reads them', async () => {
      const id = await scene.sale(SHOWN);
      const { changes } = await scene.ledger.decide([scene.purchase(id)]);
      expect(changes.products).toEqual([await scene.product(id)]);
      expect(Object.keys(changes.products[0]!)).not.toContain('description');
      await scene.ledger.reset(id, 7);
      expect(await scene.described(id)).toMatchObject({ ...SHOWN, generation: 2 });
    });
  });
}
