import type { Database } from 'bun:sqlite';
import type { Order } from '../../../domain/order.ts';
import { ROW_KEY_STEPS_MAX, rowKeyOf } from './row-key.ts';
import { ORDER_COLUMNS, type OrderRow } from './rows.ts';

/** An order as the steps after its decision see it. */
export type StoredOrder = OrderRow & {
  readonly slot: number;
  readonly leases: number;
  readonly leaseUntil: number;
};

export const STORED_ORDER_COLUMNS = `slot, leases, lease_until AS leaseUntil, ${ORDER_COLUMNS}`;

/** Puts orders in their slots and finds them there. */
export function createOrders(db: Database) {
  const insert = db.prepare(
    `INSERT INTO orders (slot, id, product_id, generation, number, customer, quantity, price_minor, currency, channel,
       status, remaining, created_at, expires_at, updated_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'reserved', ?11, ?12, ?13, ?12) ON CONFLICT DO NOTHING`,
  );
  const at = db.prepare<StoredOrder, [number]>(`SELECT ${STORED_ORDER_COLUMNS} FROM orders WHERE slot = ?`);

  return {
    /** False when an order with this id is there already. */
    insert(order: Order): boolean {
      const first = rowKeyOf(order.id);
      for (let slot = first; slot < first + ROW_KEY_STEPS_MAX; slot++) {
        const { changes } = insert.run(
          slot,
          order.id,
          order.productId,
          order.generation,
          order.number,
          order.customer,
          order.quantity,
          order.priceMinor,
          order.currency,
          order.channel,
          order.remaining,
          order.createdAt,
          order.expiresAt,
        );
        if (changes === 1) return true;
        if (at.get(slot)!.id === order.id) return false;
      }
      throw new Error(`no free slot for order ${order.id}`);
    },

    find(id: string): StoredOrder | null {
      const first = rowKeyOf(id);
      for (let slot = first; slot < first + ROW_KEY_STEPS_MAX; slot++) {
        const stored = at.get(slot);
        if (!stored || stored.id === id) return stored;
      }
      return null;
    },
  };
}

/** The order without what only its keeper needs. */
export function withoutLease({ slot: _, leases: __, leaseUntil: ___, ...order }: StoredOrder): Order {
  return order;
}
