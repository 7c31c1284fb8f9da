import type { Database } from 'bun:sqlite';
import { amountMinor, nextStatus, type OrderEvent, unitsHeldAs } from '../../domain/order.ts';
import type { ChargeResult, LeasedOrder, Standing } from '../ledger.ts';
import { createOrders, STORED_ORDER_COLUMNS, type StoredOrder, withoutLease } from './orders.ts';

/** How an order's way to its end changes the product's counters, summed up over a batch. */
interface Move {
  total: number;
  reserved: number;
  sold: number;
}

/** The steps of an order after its decision. Each must run inside one immediate transaction. */
export function createSettle(db: Database) {
  const orders = createOrders(db);
  const overdue = db.prepare<StoredOrder, [number, number]>(
    `SELECT ${STORED_ORDER_COLUMNS} FROM orders
     WHERE open = 1 AND status = 'reserved' AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
  );
  const unsettled = db.prepare<{ id: string }, [number, number, number]>(
    `SELECT id FROM orders
     WHERE open = 1
       AND ((status = 'reserved' AND updated_at <= ?1 AND expires_at > ?2)
         OR (status = 'charging' AND lease_until <= ?2))
     ORDER BY expires_at LIMIT ?3`,
  );
  const setLease = db.prepare(
    `UPDATE orders SET status = 'charging', attempts = ?, leases = ?, lease_until = ?, updated_at = ? WHERE slot = ?`,
  );
  const setStatus = db.prepare(
    'UPDATE orders SET status = ?, open = ?, lease_until = 0, updated_at = ? WHERE slot = ?',
  );
  const insertPayment = db.prepare(
    `INSERT INTO payments (order_id, attempt, amount_minor, currency, status, created_at, updated_at)
     VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?5)`,
  );
  const endPayment = db.prepare(
    'UPDATE payments SET status = ?, provider_id = ?, reason = ?, updated_at = ? WHERE order_id = ? AND attempt = ?',
  );
  const giveBack = db.prepare(
    'UPDATE holdings SET units = units - ? WHERE product_id = ? AND generation = ? AND customer = ?',
  );
  const generationOf = db.prepare<{ generation: number }, [number]>(
    'SELECT generation FROM products WHERE id = ?',
  );
  const moveProduct = db.prepare<Standing, [number, number, number, number]>(
    `UPDATE products SET total = total + ?1, reserved = reserved + ?2, sold = sold + ?3, version = version + 1
     WHERE id = ?4 RETURNING id AS productId, version, total - reserved - sold AS available`,
  );

  /** Moves an order to the status that follows; false when the event does not apply to it any more. */
  function advance(order: StoredOrder, event: OrderEvent, now: number, moves: Map<number, Move>): boolean {
    const status = nextStatus(order.status, event);
    if (status === null) return false;
    const before = unitsHeldAs(order.status);
    const after = unitsHeldAs(status);
    setStatus.run(status, after === 'reserved' ? 1 : 0, now, order.slot);
    if (before === after) return true;
    const move = moves.get(order.productId) ?? { total: 0, reserved: 0, sold: 0 };
    moves.set(order.productId, move);
    if (before) move[before] -= order.quantity;
    if (after) move[after] += order.quantity;
    else {
      // Units of an older round leave the product instead of being sold again, so that a round sells exactly its own.
      if (generationOf.get(order.productId)!.generation !== order.generation) move.total -= order.quantity;
      if (order.customer !== null) {
        giveBack.run(order.quantity, order.productId, order.generation, order.customer);
      }
    }
    return true;
  }

  function apply(moves: Map<number, Move>): Standing[] {
    return [...moves].map(
      ([productId, { total, reserved, sold }]) => moveProduct.get(total, reserved, sold, productId)!,
    );
  }

  return {
    lease(orderIds: readonly string[], leaseMs: number, now: number): LeasedOrder[] {
      const leased: LeasedOrder[] = [];
      for (const id of orderIds) {
        const row = orders.find(id);
        if (!row) continue;
        const holdRuns = now < row.expiresAt;
        const takesOver = row.status === 'charging' && row.leaseUntil <= now;
        if (!takesOver && nextStatus(row.status, { type: 'charge', holdRuns }) === null) continue;
        const attempt = takesOver ? row.attempts : row.attempts + 1;
        const leases = takesOver ? row.leases + 1 : 1;
        setLease.run(attempt, leases, now + leaseMs, now, row.slot);
        if (!takesOver) insertPayment.run(id, attempt, amountMinor(row), row.currency, now);
        const order = withoutLease(row);
        leased.push({
          order: { ...order, status: 'charging', attempts: attempt, updatedAt: now },
          attempt,
          leases,
          holdRuns,
        });
      }
      return leased;
    },

    settle(results: readonly ChargeResult[], now: number): Standing[] {
      const moves = new Map<number, Move>();
      for (const { orderId, attempt, leases, result } of results) {
        const row = orders.find(orderId);
        if (row?.status !== 'charging' || row.attempts !== attempt) continue;
        if (result.type === 'attempt_failed' && row.leases !== leases) continue;
        const event: OrderEvent =
          result.type === 'attempt_failed'
            ? { type: result.type, holdRuns: now < row.expiresAt }
            : { type: result.type };
        if (!advance(row, event, now, moves)) continue;
        const providerId = result.type === 'captured' ? result.providerId : null;
        const reason = result.type === 'captured' ? null : result.reason;
        endPayment.run(PAYMENT_STATUS[result.type], providerId, reason, now, orderId, attempt);
      }
      return apply(moves);
    },

    expireOverdue(limit: number, now: number): { expired: number; standings: Standing[] } {
      const moves = new Map<number, Move>();
      const rows = overdue.all(now, limit);
      for (const row of rows) advance(row, { type: 'expire' }, now, moves);
      return { expired: rows.length, standings: apply(moves) };
    },

    unsettled(olderThanMs: number, limit: number, now: number): string[] {
      return unsettled.all(now - olderThanMs, now, limit).map(({ id }) => id);
    },
  };
}

const PAYMENT_STATUS = {
  captured: 'captured',
  declined: 'declined',
  attempt_failed: 'failed',
  give_up: 'cancelled',
} as const;
