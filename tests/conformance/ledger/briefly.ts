import { stockOf } from '../../../src/domain/product.ts';
import type { Changes } from '../../../src/ports/changes.ts';

/** Changes with each product as its stock version. */
export function briefly({ products, orders, decided }: Changes) {
  return { stock: products.map(stockOf), orders, decided };
}
