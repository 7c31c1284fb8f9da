import { stockOf } from '../../../src/domain/product.ts';
import type { Changes } from '../../../src/ports/changes.ts';

/** Changes with each product as its stock version. */
export function briefly({ products, ...others }: Changes) {
  return { ...others, stock: products.map(stockOf) };
}
