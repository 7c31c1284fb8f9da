import type { Database } from 'bun:sqlite';
import type { AuditEntry } from '../../../domain/audit-entry.ts';
import {
  DEFAULT_HOLD_SECONDS,
  type NewProduct,
  type Product,
  type ProductWish,
} from '../../../domain/product.ts';
import {
  type ChangeRefusal,
  changed,
  closedWindow,
  newWindowRefusal,
  type ProductChanges,
} from '../../../domain/product-changes.ts';
import type { SaleStep } from '../../../ports/products.ts';
import { createAuditLog } from './operations.ts';
import { PRODUCT_COLUMNS, type ProductRow, productIn } from './rows.ts';

/** What operators do to products. All but `after` must run inside one immediate transaction. */
export function createSales(db: Database) {
  const operations = createAuditLog(db);
  const row = db.prepare<ProductRow, [number]>(`SELECT ${PRODUCT_COLUMNS} FROM products WHERE id = ?`);
  const after = db.prepare<ProductRow, [number, number]>(
    `SELECT ${PRODUCT_COLUMNS} FROM products WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const lowestFreeId = db.prepare<{ id: number }, []>(
    `SELECT min(id) AS id FROM (SELECT 1 AS id UNION ALL SELECT id + 1 FROM products)
     WHERE id NOT IN (SELECT id FROM products)`,
  );
  const insert = db.prepare(
    `INSERT INTO products (id, name, price_minor, currency, total, opens_at, closes_at, per_customer_limit, hold_seconds,
       customer_required)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const begin = db.prepare('INSERT INTO generations VALUES (?, ?, ?, ?)');
  const store = db.prepare<ProductRow, (string | number | null)[]>(
    `UPDATE products SET name = ?2, price_minor = ?3, state = ?4, opens_at = ?5, closes_at = ?6, per_customer_limit = ?7,
       hold_seconds = ?8, total = ?9, customer_required = ?10, version = version + 1
     WHERE id = ?1 RETURNING ${PRODUCT_COLUMNS}`,
  );
  const addToRound = db.prepare(
    'UPDATE generations SET units = units + ? WHERE product_id = ? AND generation = ?',
  );
  const startRound = db.prepare<ProductRow, [number, number]>(
    `UPDATE products SET total = reserved + sold + ?, generation = generation + 1, version = version + 1 WHERE id = ?
     RETURNING ${PRODUCT_COLUMNS}`,
  );
  const mostHeld = db.prepare<{ units: number | null }, [number, number]>(
    'SELECT max(units) AS units FROM holdings WHERE product_id = ? AND generation = ?',
  );
  /** Without a limit nobody keeps holdings; what customers hold is then in their orders alone. */
  const countHoldings = db.prepare<null, [number]>(
    `INSERT INTO holdings SELECT product_id, generation, customer, sum(quantity) FROM orders
     WHERE product_id = ? AND customer IS NOT NULL AND status IN ('reserved', 'charging', 'paid', 'refunding')
     GROUP BY product_id, generation, customer`,
  );
  const dropHoldings = db.prepare<null, [number]>('DELETE FROM holdings WHERE product_id = ?');

  function one(productId: number): Product | null {
    const found = row.get(productId);
    return found && productIn(found);
  }

  function add(product: NewProduct, now: number): boolean {
    const { id, name, priceMinor, currency, units } = product;
    const { opensAt = null, closesAt = null, perCustomerLimit = null, customerRequired = false } = product;
    const hold = product.holdSeconds ?? DEFAULT_HOLD_SECONDS;
    const values = [id, name, priceMinor, currency, units, opensAt, closesAt, perCustomerLimit, hold];
    if (insert.run(...values, customerRequired ? 1 : 0).changes === 0) return false;
    begin.run(id, 1, units, now);
    return true;
  }

  /** What to answer when this operation was done before: the product as it is now, which a new one's operation names. */
  function doneBefore(operation: AuditEntry, known: Product | null): SaleStep | null {
    const before = operations.before(operation);
    if (!before) return null;
    const product = known ?? one(Number(before.subject.replace('product/', '')))!;
    return before.same
      ? { kind: 'done', product }
      : refused({ code: 'idempotency_mismatch', field: null }, product);
  }

  /** The most units that a customer holds in this round, once holdings are kept as the new limit needs them. */
  function keepHoldings(before: Product, { perCustomerLimit: limit }: Product): number | null {
    if (limit === before.perCustomerLimit) return null;
    if (limit === null) dropHoldings.run(before.id);
    else if (before.perCustomerLimit === null) countHoldings.run(before.id);
    return limit === null ? null : mostHeld.get(before.id, before.generation)!.units;
  }

  function save(before: Product, next: Product): Product {
    const { id, name, priceMinor, state, opensAt, closesAt, perCustomerLimit, holdSeconds, total } = next;
    if (total !== before.total) addToRound.run(total - before.total, id, before.generation);
    const values = [id, name, priceMinor, state, opensAt, closesAt, perCustomerLimit, holdSeconds, total];
    return productIn(store.get(...values, next.customerRequired ? 1 : 0)!);
  }

  return {
    add,
    after: (id: number, limit: number): Product[] => after.all(id, limit).map(productIn),

    create(wish: ProductWish, operation: AuditEntry, now: number): SaleStep {
      const done = doneBefore(operation, null);
      if (done) return done;
      const id = wish.id ?? lowestFreeId.get()!.id;
      const existing = one(id);
      if (existing) return refused({ code: 'product_exists', field: null }, existing);
      const wrong = newWindowRefusal(wish, now);
      if (wrong) return refused(wrong, null);
      add({ ...wish, id }, now);
      operations.write({ ...operation, subject: `product/${id}` }, now);
      return { kind: 'done', product: one(id)! };
    },

    change(
      productId: number,
      changes: ProductChanges,
      operation: AuditEntry,
      version: number | null,
      now: number,
    ): SaleStep {
      const product = one(productId);
      if (!product) return refused({ code: 'unknown_product', field: null }, null);
      const done = doneBefore(operation, product);
      if (done) return done;
      if (version !== null && version !== product.version) {
        return refused({ code: 'version_mismatch', field: null }, product);
      }
      const next = changed(product, changes, now);
      if ('code' in next) return refused(next, product);
      const most = keepHoldings(product, next);
      if (most !== null && most > next.perCustomerLimit!) {
        if (product.perCustomerLimit === null) dropHoldings.run(productId);
        return refused({ code: 'limit_below_held', field: 'perCustomerLimit' }, product, most);
      }
      operations.write(operation, now);
      return { kind: 'done', product: Bun.deepEquals(next, product) ? product : save(product, next) };
    },

    close(productId: number, operation: AuditEntry, now: number): SaleStep {
      const product = one(productId);
      if (!product) return refused({ code: 'unknown_product', field: null }, null);
      const done = doneBefore(operation, product);
      if (done) return done;
      operations.write(operation, now);
      const next = { ...product, ...closedWindow(product, now) };
      return { kind: 'done', product: Bun.deepEquals(next, product) ? product : save(product, next) };
    },

    /** A fresh round of exactly `units` free units. */
    reset(productId: number, units: number, operation: AuditEntry | null, now: number): SaleStep {
      const before = one(productId);
      if (!before) return refused({ code: 'unknown_product', field: null }, null);
      const done = operation && doneBefore(operation, before);
      if (done) return done;
      if (operation) operations.write(operation, now);
      const product = productIn(startRound.get(units, productId)!);
      begin.run(productId, product.generation, units, now);
      return { kind: 'done', product };
    },
  };
}

function refused(
  { code, field }: ChangeRefusal,
  product: Product | null,
  mostHeld: number | null = null,
): SaleStep {
  return { kind: 'refused', code, field, product, mostHeld };
}
