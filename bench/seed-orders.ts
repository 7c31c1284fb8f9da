import { runStatement } from './tables.ts';

/** The workloads' product. */
const PRODUCT_ID = 1;

/**
 * Writes `count` paid orders of one unit each into the books of product 1, as if they had been bought and charged one
 * every millisecond until now: the product has moved, every order has its captured payment, and an audit passes. No server
 * may run on the database meanwhile, and one has run before and made the tables.
 *
 * The ids look like those of purchases but for the MAC, which only a read of such an order over HTTP would need. Leaves the
 * database vacuumed, as autovacuum would in time, and its pages on disk.
 */
export async function seedOrders(databaseUrl: string, count: number): Promise<void> {
  const firstMs = Date.now() - count;
  // Concurrently, because each uses one core.
  await Promise.all([
    runStatement(databaseUrl, bulk(ordersOf(firstMs, count))),
    runStatement(databaseUrl, bulk(paymentsOf(firstMs, count))),
  ]);
  await runStatement(databaseUrl, productOf(count));
  await runStatement(databaseUrl, 'VACUUM (ANALYZE) orders');
  await runStatement(databaseUrl, 'VACUUM (ANALYZE) payments');
  await runStatement(databaseUrl, 'CHECKPOINT');
}

/** These rows need not survive a crash. */
function bulk(statement: string): string {
  return `SET synchronous_commit = off; ${statement}`;
}

/** A UUID of version 7 whose time is `at` and whose other bits come from `n` alone. */
const ID = `(lpad(to_hex(at), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid`;

/** Rising, so that rows and index entries are appended; a sort would take as long as the writing. */
const numbered = (firstMs: number, count: number) => `
  (SELECT n, ${firstMs} + n AS at, md5(n::text) AS hash FROM generate_series(1, ${count}) AS n) AS numbered`;

const ordersOf = (firstMs: number, count: number) => `
  INSERT INTO orders (id, product_id, number, price_minor, created_at, expires_at, updated_at, generation, quantity,
    remaining, attempts, leases, status, channel, open, currency, customer)
  SELECT ${ID}, p.id, p.last_number + n, p.price_minor, at, at + 1000 * p.hold_seconds, at, p.generation, 1,
    ${count} - n, 1, 1, 'paid', 'sync', false, p.currency, 'seeded-' || lpad(n::text, 8, '0')
  FROM products p, ${numbered(firstMs, count)} WHERE p.id = ${PRODUCT_ID}`;

const paymentsOf = (firstMs: number, count: number) => `
  INSERT INTO payments (order_id, amount_minor, created_at, updated_at, attempt, currency, status, provider_id)
  SELECT ${ID}, p.price_minor, at, at, 1, p.currency, 'captured', 'seeded-' || n
  FROM products p, ${numbered(firstMs, count)} WHERE p.id = ${PRODUCT_ID}`;

/** Raises the generation's units by those sold. */
const productOf = (count: number) => `
  WITH sale AS (
    UPDATE products SET total = total + ${count}, sold = sold + ${count}, last_number = last_number + ${count},
      version = version + 1 WHERE id = ${PRODUCT_ID} RETURNING id, generation
  )
  UPDATE generations g SET units = units + ${count} FROM sale
  WHERE g.product_id = sale.id AND g.generation = sale.generation`;
