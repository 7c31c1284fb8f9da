import type { AuditEntry } from '../../../domain/audit-entry.ts';
import type { Clock } from '../../../domain/clock.ts';
import {
  available,
  type DescribedProduct,
  type NewProductRequest,
  TEST_CURRENCY,
} from '../../../domain/product.ts';
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
  type RemovalStep,
  removalRefusal,
  resetStep,
  type SaleStep,
  type Save,
} from '../../../domain/product-steps.ts';
import type { Products } from '../../../ports/products.ts';
import type { Store } from '../store.ts';
import { createAuditLog } from './audit-log.ts';
import { createRemoval } from './removal.ts';
import { DESCRIBED_COLUMNS, type DescribedRow, PRODUCT_COLUMNS, type ProductRow, productIn } from './rows.ts';

/** Products and what operators do to them, an immediate transaction each. */
export function createProducts({ db, read, write }: Store, now: Clock): Products {
  const auditLog = createAuditLog(db);
  const removePart = createRemoval(db);
  const all = db.prepare<ProductRow, []>(`SELECT ${PRODUCT_COLUMNS} FROM products ORDER BY id`);
  const row = db.prepare<ProductRow, [number]>(`SELECT ${PRODUCT_COLUMNS} FROM products WHERE id = ?`);
  const describedRow = db.prepare<DescribedRow, [number]>(
    `SELECT ${DESCRIBED_COLUMNS} FROM ${DESCRIBED} WHERE id = ?`,
  );
  const after = db.prepare<DescribedRow, [number, 0 | 1, number]>(
    `SELECT ${DESCRIBED_COLUMNS} FROM ${DESCRIBED} WHERE id > ? AND (currency = '${TEST_CURRENCY}') = ? ORDER BY id LIMIT ?`,
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
  const store = db.prepare(
    `UPDATE products SET name = ?2, price_minor = ?3, currency = ?4, total = ?5, opens_at = ?6, closes_at = ?7,
       per_customer_limit = ?8, hold_seconds = ?9, customer_required = ?10, state = ?11, generation = ?12, version = ?13
     WHERE id = ?1`,
  );
  const describe = db.prepare('INSERT OR REPLACE INTO product_descriptions VALUES (?, ?, ?)');
  const beginGeneration = db.prepare('INSERT INTO generations VALUES (?, ?, ?, ?)');
  const addToGeneration = db.prepare(
    'UPDATE generations SET units = units + ? WHERE product_id = ? AND generation = ?',
  );
  const mostHeld = db.prepare<{ units: number | null }, [number, number]>(
    'SELECT max(units) AS units FROM holdings WHERE product_id = ? AND generation = ?',
  );
  /** Without a limit no holdings are kept; what customers hold is then in their orders alone. */
  const countHoldings = db.prepare<null, [number]>(
    `INSERT INTO holdings SELECT product_id, generation, customer, sum(quantity) FROM orders
     WHERE product_id = ? AND customer IS NOT NULL AND status IN ('reserved', 'charging', 'paid', 'refunding')
     GROUP BY product_id, generation, customer`,
  );
  const dropHoldings = db.prepare<null, [number]>('DELETE FROM holdings WHERE product_id = ?');

  function one(productId: number): DescribedProduct | null {
    const found = describedRow.get(productId);
    return found && productIn(found);
  }

  function add(product: DescribedProduct): void {
    const { changes } = insert.run(...termsOf(product));
    if (changes === 0) return;
    beginGeneration.run(product.id, product.generation, product.total, now());
    if (isDescribed(product)) describe.run(product.id, product.description, product.imageUrl);
  }

  /** The most units that a customer holds in this generation, once holdings are kept as a new limit needs them. */
  function keepHoldings({ before, next }: Save): number | null {
    if (next.perCustomerLimit === before.perCustomerLimit) return null;
    if (next.perCustomerLimit === null) dropHoldings.run(before.id);
    else if (before.perCustomerLimit === null) countHoldings.run(before.id);
    return mostHeld.get(before.id, before.generation)!.units;
  }

  function save({ before, next }: Save): void {
    store.run(...termsOf(next), next.state, next.generation, next.version);
    if (!hasSameDescription(next, before)) describe.run(next.id, next.description, next.imageUrl);
    if (next.generation > before.generation)
      beginGeneration.run(next.id, next.generation, available(next), now());
    else if (next.total !== before.total)
      addToGeneration.run(next.total - before.total, next.id, next.generation);
  }

  function take(productId: number, entry: AuditEntry | null, step: ProductStep): SaleStep {
    const earlier = entry && auditLog.earlier(entry);
    const decided = decideStep({ product: one(productId), earlier, nowMs: now() }, entry, step);
    if (decided.kind !== 'save') return decided;
    const refusal = limitRefusal(decided, keepHoldings(decided));
    if (refusal) {
      if (decided.before.perCustomerLimit === null) dropHoldings.run(productId);
      return refusal;
    }
    if (entry) auditLog.write(entry, now());
    if (decided.next !== decided.before) save(decided);
    return { kind: 'done', product: decided.next };
  }

  function create(request: NewProductRequest, entry: AuditEntry): SaleStep {
    const earlier = auditLog.earlier(entry);
    const id = earlier ? productIdIn(earlier.subject) : (request.id ?? lowestFreeId.get()!.id);
    const decided = decideNew({ product: one(id), earlier, nowMs: now() }, entry, { ...request, id });
    if (decided.kind !== 'save') return decided;
    add(decided.next);
    auditLog.write({ ...entry, subject: `product/${id}` }, now());
    return { kind: 'done', product: decided.next };
  }

  function remove(productId: number, entry: AuditEntry, limit: number): RemovalStep {
    const found = { product: one(productId), earlier: auditLog.earlier(entry), nowMs: now() };
    const refusal = removalRefusal(found, entry);
    if (refusal) return refusal;
    if (removePart(productId, limit)) return { kind: 'part' };
    auditLog.write(entry, now());
    return { kind: 'removed' };
  }

  return {
    products: async () => read(() => all.all()).map(productIn),
    product: async (productId) => {
      const found = read(() => row.get(productId));
      return found ? productIn(found) : undefined;
    },
    describedProduct: async (productId) => read(() => one(productId)) ?? undefined,
    productsAfter: async (id, limit, hidden = false) =>
      read(() => after.all(id, hidden ? 1 : 0, limit)).map((found) => productIn(found)),
    addProducts: async (products) => write(() => products.map(newProduct).forEach(add)),
    createProduct: async (request, entry) => write(() => create(request, entry)),
    changeProduct: async (productId, changes, entry, version) =>
      write(() => take(productId, entry, changeStep(changes, version))),
    closeSale: async (productId, entry) => write(() => take(productId, entry, closeStep)),
    reset: async (productId, units, entry = null) => write(() => take(productId, entry, resetStep(units))),
    removeProduct: async (productId, entry, limit) => write(() => remove(productId, entry, limit)),
  };
}

const DESCRIBED = 'products LEFT JOIN product_descriptions ON product_id = id';

function termsOf(product: DescribedProduct): (string | number | null)[] {
  const { id, name, priceMinor, currency, total, opensAt, closesAt, perCustomerLimit, holdSeconds } = product;
  const customerRequired = product.customerRequired ? 1 : 0;
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
