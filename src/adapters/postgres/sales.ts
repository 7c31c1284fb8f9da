import { DEFAULT_HOLD_SECONDS, type Product } from '../../domain/product.ts';
import type { Products, SaleStep } from '../../ports/products.ts';
import type { Database } from './database.ts';

const AFTER = 'SELECT pulsecart_product(p) AS product FROM products p WHERE id > $1 ORDER BY id LIMIT $2';
const CREATE = 'SELECT pulsecart_create_product($1, $2) AS step';
const CHANGE = 'SELECT pulsecart_change_product($1, $2, $3, $4) AS step';
const CLOSE = 'SELECT pulsecart_close_sale($1, $2) AS step';
const RESET = 'SELECT pulsecart_start_round($1, $2, $3) AS step';

/** What operators do to products, each in one round trip (migrations/0001-sales.sql). */
export function createSales({
  read,
  write,
}: Database): Omit<Products, 'products' | 'product' | 'addProducts'> {
  async function step(text: string, values: readonly unknown[]): Promise<SaleStep> {
    return (await write<{ step: SaleStep }>(text, values))[0]!.step;
  }

  return {
    async productsAfter(afterId, limit) {
      return (await read<{ product: Product }>(AFTER, [afterId, limit])).map(({ product }) => product);
    },

    createProduct: (product, operation) =>
      step(CREATE, [
        JSON.stringify({ holdSeconds: DEFAULT_HOLD_SECONDS, ...product }),
        JSON.stringify(operation),
      ]),

    changeProduct: (productId, changes, operation, version) =>
      step(CHANGE, [productId, JSON.stringify(changes), JSON.stringify(operation), version]),

    closeSale: (productId, operation) => step(CLOSE, [productId, JSON.stringify(operation)]),

    reset: (productId, units, operation = null) =>
      step(RESET, [productId, units, operation && JSON.stringify(operation)]),
  };
}
