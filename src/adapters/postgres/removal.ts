import { lowestIdAt } from '../../domain/ids.ts';
import type { Query } from './database.ts';

const STARTED_AT = 'SELECT min(started_at) AS ms FROM generations WHERE product_id = $1';
/** Ids are made before the ledger sees them, by a clock that was perhaps a little behind. */
const CLOCK_SLACK_MS = 60_000;

/** Ids begin with their time, so what a product can have lies at the end of each index. */
const OUTCOMES = `
  DELETE FROM outcomes WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM outcomes WHERE product_id = $1 AND purchase_id >= $2::uuid LIMIT $3))
  RETURNING purchase_id AS id, NOT sync AS "isAsync", 0 AS sold, false AS "isEarlier"`;
const ORDERS = `
  DELETE FROM orders WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM orders WHERE product_id = $1 AND id >= $2::uuid LIMIT $3))
  RETURNING id, channel = 'async' AS "isAsync", CASE WHEN status IN ('paid', 'refunding') THEN quantity ELSE 0 END AS sold,
    generation < (SELECT p.generation FROM products p WHERE p.id = $1) AS "isEarlier"`;
const KEYS = 'DELETE FROM keys WHERE accepted_at >= $2 AND purchase_id = ANY ($1::uuid[])';
const ATTEMPTS = 'DELETE FROM attempts WHERE purchase_id = ANY ($1::uuid[])';
const PAYMENTS = 'DELETE FROM payments WHERE order_id = ANY ($1::uuid[])';
/** Units of an earlier generation are not free in this one. Without a limit no holdings are kept, and the audit looks for none. */
const TAKE_BACK = `
  UPDATE products SET sold = sold - $2, total = total - $3, per_customer_limit = NULL, version = version + 1 WHERE id = $1`;
const HOLDINGS = 'DELETE FROM holdings WHERE product_id = $1';
const PRUNED_ASYNC = "UPDATE counters SET value = value + $1 WHERE name = 'async_pruned'";
const GENERATIONS = 'DELETE FROM generations WHERE product_id = $1';
const DESCRIPTION = 'DELETE FROM product_descriptions WHERE product_id = $1';
const PRODUCT = 'DELETE FROM products WHERE id = $1';

interface Removed {
  readonly id: string;
  readonly isAsync: boolean;
  /** Units that it counts in its product's `sold`. */
  readonly sold: number;
  readonly isEarlier: boolean;
}

/**
 * Removes a part of a product, whose row is locked. Answers true while there may be more to delete; false once the product
 * itself is deleted.
 */
export async function removePart(query: Query, productId: number, limit: number): Promise<boolean> {
  const [started] = await query<{ ms: number | null }>(STARTED_AT, [productId]);
  const sinceMs = (started!.ms ?? 0) - CLOCK_SLACK_MS;
  const some = [productId, lowestIdAt(sinceMs), limit];
  const removed = await query<Removed>(OUTCOMES, some);
  if (removed.length < limit) removed.push(...(await query<Removed>(ORDERS, some)));
  await query(HOLDINGS, [productId]);
  if (removed.length === 0) {
    await query(GENERATIONS, [productId]);
    await query(DESCRIPTION, [productId]);
    await query(PRODUCT, [productId]);
    return false;
  }
  const ids = removed.map(({ id }) => id);
  await query(KEYS, [ids, sinceMs]);
  await query(ATTEMPTS, [ids]);
  await query(PAYMENTS, [ids]);
  await query(TAKE_BACK, [
    productId,
    unitsOf(removed),
    unitsOf(removed.filter(({ isEarlier }) => isEarlier)),
  ]);
  await query(PRUNED_ASYNC, [removed.filter(({ isAsync }) => isAsync).length]);
  return true;
}

function unitsOf(removed: readonly Removed[]): number {
  return removed.reduce((sum, { sold }) => sum + sold, 0);
}
