import type { Database } from 'bun:sqlite';
import { lowestIdAt } from '../../../domain/ids.ts';
import { rowKeyOf } from './row-key.ts';

/** Ids are made before the ledger sees them, by a clock that was perhaps set back a little meanwhile. */
const CLOCK_SLACK_MS = 60_000;

/**
 * Removes hidden products. Answers true while there may be more to delete; false once the product itself is deleted. Must run
 * inside one immediate transaction.
 */
export function createRemoval(db: Database): (productId: number, limit: number) => boolean {
  const startedAt = db.prepare<{ ms: number | null }, [number]>(
    'SELECT min(started_at) AS ms FROM generations WHERE product_id = ?',
  );
  // Ids begin with their time, so what a product can have lies at the end of each table.
  const outcomes = db.prepare<{ id: string; sync: 0 | 1 }, [number, string, number]>(
    `DELETE FROM outcomes WHERE purchase_id IN
       (SELECT purchase_id FROM outcomes WHERE product_id = ? AND purchase_id >= ? LIMIT ?)
     RETURNING purchase_id AS id, sync`,
  );
  const orders = db.prepare<Removed, [number, number, number]>(
    `DELETE FROM orders WHERE slot IN (SELECT slot FROM orders WHERE product_id = ? AND slot >= ? LIMIT ?)
     RETURNING id, channel, iif(status IN ('paid', 'refunding'), quantity, 0) AS sold,
       generation < (SELECT generation FROM products WHERE products.id = orders.product_id) AS isEarlier`,
  );
  const keys = db.prepare(
    'DELETE FROM keys WHERE accepted_at >= ? AND purchase_id IN (SELECT value FROM json_each(?))',
  );
  const attempts = db.prepare('DELETE FROM attempts WHERE purchase_id IN (SELECT value FROM json_each(?))');
  const payments = db.prepare('DELETE FROM payments WHERE order_id IN (SELECT value FROM json_each(?))');
  // Units of an earlier generation are not free in this one. Without a limit no holdings are kept, and the audit looks for none.
  const takeBack = db.prepare(
    `UPDATE products SET sold = sold - ?2, total = total - ?3, per_customer_limit = NULL, version = version + 1
     WHERE id = ?1`,
  );
  const holdings = db.prepare('DELETE FROM holdings WHERE product_id = ?');
  const prunedAsync = db.prepare("UPDATE counters SET value = value + ? WHERE name = 'async_pruned'");
  const product = db.prepare('DELETE FROM products WHERE id = ?');
  const description = db.prepare('DELETE FROM product_descriptions WHERE product_id = ?');
  const generations = db.prepare('DELETE FROM generations WHERE product_id = ?');

  return (productId, limit) => {
    const sinceMs = (startedAt.get(productId)!.ms ?? 0) - CLOCK_SLACK_MS;
    const lowestId = lowestIdAt(sinceMs);
    const refused = outcomes.all(productId, lowestId, limit);
    const sold = refused.length < limit ? orders.all(productId, rowKeyOf(lowestId), limit) : [];
    if (refused.length === 0 && sold.length === 0) {
      holdings.run(productId);
      generations.run(productId);
      description.run(productId);
      product.run(productId);
      return false;
    }
    const ids = JSON.stringify([...refused, ...sold].map(({ id }) => id));
    keys.run(sinceMs, ids);
    attempts.run(ids);
    payments.run(ids);
    holdings.run(productId);
    takeBack.run(productId, unitsOf(sold), unitsOf(sold.filter(({ isEarlier }) => isEarlier === 1)));
    const ofAsync = refused.filter(({ sync }) => sync === 0).length;
    prunedAsync.run(ofAsync + sold.filter(({ channel }) => channel === 'async').length);
    return true;
  };
}

interface Removed {
  readonly id: string;
  readonly channel: string;
  /** Units that it counts in its product's `sold`. */
  readonly sold: number;
  readonly isEarlier: 0 | 1;
}

function unitsOf(orders: readonly Removed[]): number {
  return orders.reduce((sum, { sold }) => sum + sold, 0);
}
