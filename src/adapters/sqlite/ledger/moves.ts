import type { Database } from 'bun:sqlite';
import {
  nextStatus,
  type OrderChange,
  type OrderEvent,
  type OrderStatus,
  unitsHeldAs,
} from '../../../domain/order.ts';
import { type Changes, NO_CHANGES } from '../../../ports/changes.ts';
import type { StoredOrder } from './orders.ts';
import { PRODUCT_COLUMNS, type ProductRow, productIn } from './rows.ts';

/** Orders that take a step together, in one transaction: each product is moved once, when all of them have. */
export interface Moves {
  /** Moves an order to the status that follows; null when the event does not apply to it any more. */
  advance(order: StoredOrder, event: OrderEvent): OrderStatus | null;
  /** Moves the products. */
  end(): Changes;
}

/** How a product's counters change, summed up over a batch. */
interface Change {
  total: number;
  reserved: number;
  sold: number;
}

export function createMoves(db: Database): (now: number) => Moves {
  const setStatus = db.prepare(
    'UPDATE orders SET status = ?, open = ?, lease_until = 0, updated_at = ? WHERE slot = ?',
  );
  const changeHolding = db.prepare(
    'UPDATE holdings SET units = units + ? WHERE product_id = ? AND generation = ? AND customer = ?',
  );
  // Where there is none and the sale has no limit, there is nothing to count.
  const beginHolding = db.prepare(
    `INSERT INTO holdings SELECT id, ?1, ?2, ?3 FROM products WHERE id = ?4 AND per_customer_limit IS NOT NULL`,
  );
  const generationOf = db.prepare<{ generation: number }, [number]>(
    'SELECT generation FROM products WHERE id = ?',
  );
  const moveProduct = db.prepare<ProductRow, [number, number, number, number]>(
    `UPDATE products SET total = total + ?1, reserved = reserved + ?2, sold = sold + ?3, version = version + 1
     WHERE id = ?4 RETURNING ${PRODUCT_COLUMNS}`,
  );

  function hold({ productId, generation, customer }: StoredOrder, units: number): void {
    if (customer === null) return;
    const { changes } = changeHolding.run(units, productId, generation, customer);
    if (changes === 0 && units > 0) beginHolding.run(generation, customer, units, productId);
  }

  return (now) => {
    const changes = new Map<number, Change>();
    const orders: OrderChange[] = [];

    function moveUnits(order: StoredOrder, after: OrderStatus): void {
      const [from, to] = [unitsHeldAs(order.status), unitsHeldAs(after)];
      if (from === to) return;
      const change = changes.get(order.productId) ?? { total: 0, reserved: 0, sold: 0 };
      changes.set(order.productId, change);
      if (from) change[from] -= order.quantity;
      if (to) change[to] += order.quantity;
      if (from && !to) {
        // Units of an older generation leave the product instead of being sold again, so that a generation sells exactly its own.
        if (generationOf.get(order.productId)!.generation !== order.generation)
          change.total -= order.quantity;
        hold(order, -order.quantity);
      } else if (to && !from) hold(order, order.quantity);
    }

    return {
      advance(order, event) {
        const status = nextStatus(order.status, event);
        if (status === null) return null;
        setStatus.run(status, unitsHeldAs(status) === 'reserved' ? 1 : 0, now, order.slot);
        moveUnits(order, status);
        orders.push({ id: order.id, status, updatedAt: now });
        return status;
      },

      end() {
        const products = [...changes].map(([productId, { total, reserved, sold }]) =>
          productIn(moveProduct.get(total, reserved, sold, productId)!),
        );
        return { ...NO_CHANGES, products, orders };
      },
    };
  };
}
