import { Database } from 'bun:sqlite';
import { join } from 'node:path';
import { runStatement } from '../tables.ts';

/**
 * Orders as a shop has them after many flash sales: each of 200 products sold mostly in a time of its own, the first one long ago and never
 * since; three million customers, one of whom is a program with every fiftieth order; a sale that was refunded as a whole; the newest orders
 * unpaid. Nothing else moves with them, so an audit would complain.
 */
export interface Filled {
  readonly orders: number;
  readonly firstMs: number;
  /** Between two orders. */
  readonly stepMs: number;
}

export const PRODUCTS = 200;
export const FIRST_PRODUCT = 1_000;
/** Sold among the first orders only. */
export const OLD_PRODUCT = 999;
export const CUSTOMERS = 3_000_000;
export const PROGRAM = 'program';
const STEP_MS = 20;
const CHUNK = 250_000;

export function planned(orders: number): Filled {
  return { orders, stepMs: STEP_MS, firstMs: Date.now() - (orders + 1) * STEP_MS };
}

/** Row keys are milliseconds since 2026, times 8192 (src/adapters/sqlite/ledger/row-key.ts). */
export function fillSqlite(folder: string, filled: Filled): void {
  using db = new Database(join(folder, 'pulsecart.db'));
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144');
  db.exec(productsOf(filled));
  const slot = `(${filled.firstMs - Date.UTC(2026, 0, 1)} + n * ${STEP_MS}) * 8192`;
  const id = `substr(hex, 1, 8) || '-' || substr(hex, 9) || '-7000-8000-' || printf('%012x', n)`;
  const hex = `printf('%012x', ${filled.firstMs} + n * ${STEP_MS})`;
  for (let from = 1; from <= filled.orders; from += CHUNK) {
    const to = Math.min(from + CHUNK - 1, filled.orders);
    db.exec(`
        WITH RECURSIVE counted(n) AS (VALUES(${from}) UNION ALL SELECT n + 1 FROM counted WHERE n < ${to}),
          named AS (SELECT n, ${hex} AS hex, ${statusOf(filled)} AS status FROM counted)
        INSERT INTO orders (slot, id, product_id, generation, number, customer, quantity, price_minor, currency, channel,
          status, remaining, created_at, expires_at, attempts, updated_at, open)
        SELECT ${slot}, ${id}, ${productOf(filled)}, 1, ${numberOf(filled)}, ${CUSTOMER}, 1, 100, 'EUR', 'sync', status, 0,
          ${filled.firstMs} + n * ${STEP_MS}, ${filled.firstMs} + n * ${STEP_MS} + 600000, 1, ${filled.firstMs},
          status IN ('reserved', 'charging') FROM named`);
  }
}

export async function fillPostgres(url: string, filled: Filled): Promise<void> {
  const hex = `lpad(to_hex(${filled.firstMs} + n * ${STEP_MS}), 12, '0')`;
  await runStatement(
    url,
    `SET synchronous_commit = off;
     ${productsOf(filled)};
     INSERT INTO orders (id, product_id, generation, number, customer, quantity, price_minor, currency, channel, status,
       remaining, created_at, expires_at, attempts, updated_at, open, search_status)
     SELECT (hex || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, product, 1, number, customer, 1, 100, 'EUR', 'sync', status, 0,
       ${filled.firstMs} + n * ${STEP_MS}, ${filled.firstMs} + n * ${STEP_MS} + 600000, 1, ${filled.firstMs},
       status IN ('reserved', 'charging'), pulsecart_search_status(status)
     FROM (SELECT n, ${hex} AS hex, ${productOf(filled)} AS product, ${numberOf(filled)} AS number, ${CUSTOMER} AS customer,
         (${statusOf(filled)})::order_status AS status
       FROM generate_series(1::bigint, ${filled.orders}) AS n) AS named`,
  );
  await runStatement(url, 'VACUUM (ANALYZE) orders');
  await runStatement(url, 'CHECKPOINT');
}

/** Both databases understand these. */
const CUSTOMER = `CASE WHEN n % 5 = 0 THEN NULL WHEN n % 50 = 1 THEN '${PROGRAM}' ELSE 'c' || (n * 7919 % ${CUSTOMERS}) END`;

const productOf = ({ orders }: Filled) => `CASE WHEN n <= 2000 THEN ${OLD_PRODUCT}
  WHEN n % 10 = 3 THEN ${FIRST_PRODUCT} + n * 31 % ${PRODUCTS} ELSE ${FIRST_PRODUCT} + (n - 1) * ${PRODUCTS} / ${orders} END`;

const numberOf = ({ orders }: Filled) => `CASE WHEN n <= 2000 THEN n
  WHEN n % 10 = 3 THEN ${orders / PRODUCTS} + n / 2000 ELSE (n - 1) % ${orders / PRODUCTS} + 1 END`;

/** As many numbers as that gives out. */
const productsOf = ({ orders }: Filled) => `
  WITH RECURSIVE counted(n) AS (VALUES(${OLD_PRODUCT}) UNION ALL SELECT n + 1 FROM counted WHERE n < ${FIRST_PRODUCT + PRODUCTS - 1})
  INSERT INTO products (id, name, price_minor, currency, total, hold_seconds, last_number)
  SELECT n, 'Thing', 100, 'EUR', ${orders}, 600, ${orders / PRODUCTS + Math.ceil(orders / 2000)} FROM counted`;

const statusOf = ({ orders }: Filled) => `CASE
  WHEN n > ${orders - 3000} THEN CASE WHEN n % 6 = 0 THEN 'charging' ELSE 'reserved' END
  WHEN n > ${Math.floor(orders / 50)} AND n <= ${Math.floor(orders / 30)} THEN 'refunded'
  WHEN n % 100 IN (1, 2) THEN 'expired' WHEN n % 100 = 3 THEN 'declined' WHEN n % 100 = 4 THEN 'cancelled'
  WHEN n % 50000 = 7 THEN 'refunding' WHEN n % 50000 = 8 THEN 'returning' ELSE 'paid' END`;
