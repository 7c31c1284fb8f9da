import type { AuditEntry } from '../../domain/audit-entry.ts';
import { available, type DescribedProduct, type Product, TEST_CURRENCY } from '../../domain/product.ts';
import {
  changeStep,
  closeStep,
  decideNew,
  decideStep,
  hasSameDescription,
  isDescribed,
  limitRefusal,
  newProduct,
  type ProductStep,
  productIdIn,
  removalRefusal,
  resetStep,
  type SaleStep,
  type Save,
} from '../../domain/product-steps.ts';
import type { Products } from '../../ports/products.ts';
import { earlierEntry, LOG } from './audit-log.ts';
import type { Database, Query } from './database.ts';
import { removePart } from './removal.ts';

const ALL = 'SELECT pulsecart_product(p) AS product FROM products p ORDER BY id';
const ONE = 'SELECT pulsecart_product(p) AS product FROM products p WHERE id = $1';
const DESCRIBED = `
  SELECT pulsecart_product(p) AS product, d.description, d.image_url AS "imageUrl"
  FROM products p LEFT JOIN product_descriptions d ON d.product_id = p.id`;
const ONE_DESCRIBED = `${DESCRIBED} WHERE id = $1`;
const AFTER = `${DESCRIBED}
  WHERE id > $1 AND (currency = '${TEST_CURRENCY}') = $3 ORDER BY id LIMIT $2`;

const ADD = `
  WITH added AS (
    INSERT INTO products (id, name, price_minor, currency, total, opens_at, closes_at, per_customer_limit, hold_seconds,
      customer_required)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id, total)
  INSERT INTO generations (product_id, started_at, generation, units)
  SELECT id, pulsecart_now(), 1, total FROM added RETURNING product_id AS id`;

/** The lock of the product and its holdings, which sales take first, too. What depends on it is read by the next statement. */
const LOCK = 'SELECT FROM products WHERE id = $1 FOR NO KEY UPDATE';
/** Operators create one at a time: two would choose the same free id. Sales take no notice of this lock. */
const LOCK_NEW = 'LOCK TABLE generations IN SHARE ROW EXCLUSIVE MODE';
const LOWEST_FREE_ID = `
  SELECT min(f.id) AS id FROM (SELECT 1::bigint AS id UNION ALL SELECT p.id + 1 FROM products p) f
  WHERE NOT EXISTS (SELECT FROM products p WHERE p.id = f.id)`;
const NOW = 'SELECT pulsecart_now() AS "nowMs"';

const SAVE = `
  UPDATE products SET name = $2, price_minor = $3, currency = $4, total = $5, opens_at = $6, closes_at = $7,
    per_customer_limit = $8, hold_seconds = $9, customer_required = $10, state = $11, generation = $12, version = $13
  WHERE id = $1`;
const DESCRIBE = `
  INSERT INTO product_descriptions (product_id, description, image_url) VALUES ($1, $2, $3)
  ON CONFLICT (product_id) DO UPDATE SET description = excluded.description, image_url = excluded.image_url`;
const BEGIN_GENERATION = `
  INSERT INTO generations (product_id, generation, units, started_at) VALUES ($1, $2, $3, pulsecart_now())`;
const ADD_TO_GENERATION =
  'UPDATE generations SET units = units + $3 WHERE product_id = $1 AND generation = $2';
const MOST_HELD = 'SELECT max(units) AS most FROM holdings WHERE product_id = $1 AND generation = $2';
/** Without a limit no holdings are kept; what customers hold is then in their orders alone. */
const COUNT_HOLDINGS = `
  INSERT INTO holdings (product_id, generation, units, customer)
  SELECT product_id, generation, sum(quantity), customer FROM orders
  WHERE product_id = $1 AND customer IS NOT NULL AND status IN ('reserved', 'charging', 'paid', 'refunding')
  GROUP BY product_id, generation, customer`;
const DROP_HOLDINGS = 'DELETE FROM holdings WHERE product_id = $1';

/** What operators do to products, a transaction each. */
export function createProducts({
  transaction,
}: Pick<Database, 'transaction'>): Omit<Products, keyof ReturnType<typeof createProductQueries>> {
  function take(productId: number, entry: AuditEntry | null, step: ProductStep): Promise<SaleStep> {
    return transaction(async (query) => {
      const product = await locked(query, productId);
      const decided = decideStep({ product, ...(await found(query, entry)) }, entry, step);
      if (decided.kind !== 'save') return decided;
      const refusal = limitRefusal(decided, await keepHoldings(query, decided));
      if (refusal) {
        if (decided.before.perCustomerLimit === null) await query(DROP_HOLDINGS, [productId]);
        return refusal;
      }
      if (entry) await query(LOG, [JSON.stringify(entry)]);
      if (decided.next !== decided.before) await save(query, decided);
      return { kind: 'done', product: decided.next };
    });
  }

  return {
    addProducts: (products) =>
      transaction(async (query) => {
        for (const product of products) await add(query, newProduct(product));
      }),

    createProduct: (request, entry) =>
      transaction(async (query) => {
        await query(LOCK_NEW);
        const { earlier, nowMs } = await found(query, entry);
        const id = earlier ? productIdIn(earlier.subject) : (request.id ?? (await lowestFreeId(query)));
        const product = (await describedIn(query, ONE_DESCRIBED, [id]))[0] ?? null;
        const decided = decideNew({ product, earlier, nowMs }, entry, { ...request, id });
        if (decided.kind !== 'save') return decided;
        await add(query, decided.next);
        await query(LOG, [JSON.stringify({ ...entry, subject: `product/${id}` })]);
        return { kind: 'done', product: decided.next };
      }),

    changeProduct: (productId, changes, entry, version) =>
      take(productId, entry, changeStep(changes, version)),
    closeSale: (productId, entry) => take(productId, entry, closeStep),
    reset: (productId, units, entry = null) => take(productId, entry, resetStep(units)),

    removeProduct: (productId, entry, limit) =>
      transaction(async (query) => {
        const product = await locked(query, productId);
        const refusal = removalRefusal({ product, ...(await found(query, entry)) }, entry);
        if (refusal) return refusal;
        if (await removePart(query, productId, limit)) return { kind: 'part' };
        await query(LOG, [JSON.stringify(entry)]);
        return { kind: 'removed' };
      }),
  };
}

/** Reading them, for a server as for an audit in its snapshot. */
export function createProductQueries({
  read,
}: {
  readonly read: Query | Database['read'];
}): Pick<Products, 'products' | 'product' | 'describedProduct' | 'productsAfter'> {
  return {
    products: () => productsIn(read, ALL, []),
    product: async (productId) => (await productsIn(read, ONE, [productId]))[0],
    describedProduct: async (productId) => (await describedIn(read, ONE_DESCRIBED, [productId]))[0],
    productsAfter: (afterId, limit, hidden = false) => describedIn(read, AFTER, [afterId, limit, hidden]),
  };
}

async function productsIn(
  query: Query | Database['read'],
  text: string,
  values: readonly (number | boolean)[],
): Promise<Product[]> {
  return (await query<{ product: Product }>(text, values)).map(({ product }) => product);
}

async function describedIn(
  query: Query | Database['read'],
  text: string,
  values: readonly (number | boolean)[],
): Promise<DescribedProduct[]> {
  const rows = await query<{ product: Product; description: string | null; imageUrl: string | null }>(
    text,
    values,
  );
  return rows.map(({ product, ...description }) => ({ ...product, ...description }));
}

async function locked(query: Query, productId: number): Promise<DescribedProduct | null> {
  await query(LOCK, [productId]);
  return (await describedIn(query, ONE_DESCRIBED, [productId]))[0] ?? null;
}

/** A product whose id exists already is unchanged. */
async function add(query: Query, product: DescribedProduct): Promise<void> {
  const added = await query<{ id: number }>(ADD, termsOf(product));
  if (added.length > 0 && isDescribed(product)) await describe(query, product);
}

async function describe(query: Query, { id, description, imageUrl }: DescribedProduct): Promise<void> {
  await query(DESCRIBE, [id, description, imageUrl]);
}

async function found(query: Query, entry: AuditEntry | null) {
  const earlier = entry && (await earlierEntry(query, entry));
  return { earlier, nowMs: (await query<{ nowMs: number }>(NOW))[0]!.nowMs };
}

async function lowestFreeId(query: Query): Promise<number> {
  return (await query<{ id: number }>(LOWEST_FREE_ID))[0]!.id;
}

/** The most units that a customer holds in this generation, once holdings are kept as a new limit needs them. */
async function keepHoldings(query: Query, { before, next }: Save): Promise<number | null> {
  if (next.perCustomerLimit === before.perCustomerLimit) return null;
  if (next.perCustomerLimit === null) await query(DROP_HOLDINGS, [before.id]);
  else if (before.perCustomerLimit === null) await query(COUNT_HOLDINGS, [before.id]);
  return (await query<{ most: number | null }>(MOST_HELD, [before.id, before.generation]))[0]!.most;
}

async function save(query: Query, { before, next }: Save): Promise<void> {
  await query(SAVE, [...termsOf(next), next.state, next.generation, next.version]);
  if (!hasSameDescription(next, before)) await describe(query, next);
  if (next.generation > before.generation)
    await query(BEGIN_GENERATION, [next.id, next.generation, available(next)]);
  else if (next.total !== before.total)
    await query(ADD_TO_GENERATION, [next.id, next.generation, next.total - before.total]);
}

function termsOf(product: DescribedProduct) {
  const { id, name, priceMinor, currency, total, opensAt, closesAt, perCustomerLimit } = product;
  const { holdSeconds, customerRequired } = product;
  return [
    id,
    name,
    priceMinor,
    currency,
    total,
    opensAt,
    closesAt,
    perCustomerLimit,
    holdSeconds,
    customerRequired,
  ];
}
