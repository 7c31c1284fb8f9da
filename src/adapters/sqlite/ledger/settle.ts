import type { Database } from 'bun:sqlite';
import { amountMinor, nextStatus, type OrderEvent } from '../../../domain/order.ts';
import { isHidden, TEST_CURRENCY } from '../../../domain/product.ts';
import { type Changes, joinChanges } from '../../../ports/changes.ts';
import type { Begins, ChargeResult, LateCapture, LeasedOrder } from '../../../ports/payments.ts';
import { createLate } from './late.ts';
import { createMoves } from './moves.ts';
import { createOrders, STORED_ORDER_COLUMNS, type StoredOrder, withoutLease } from './orders.ts';

/** The steps of an order after its decision. Each must run inside one immediate transaction. */
export function createSettle(db: Database) {
  const orders = createOrders(db);
  const beginMoves = createMoves(db);
  const captureLate = createLate(db);
  const overdue = db.prepare<StoredOrder, [number, number]>(
    `SELECT ${STORED_ORDER_COLUMNS} FROM orders
     WHERE open = 1 AND status = 'reserved' AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
  );
  const unsettled = db.prepare<{ id: string }, [number, number, number, string | null]>(
    `SELECT id FROM orders
     WHERE open = 1
       AND ((status = 'reserved' AND updated_at <= ?1 AND expires_at > ?2 AND (?4 IS NULL OR currency = ?4))
         OR (status = 'charging' AND lease_until <= ?2))
     ORDER BY expires_at LIMIT ?3`,
  );
  const setLease = db.prepare(
    `UPDATE orders SET status = 'charging', attempts = ?, leases = ?, lease_until = ?, updated_at = ? WHERE slot = ?`,
  );
  const insertPayment = db.prepare(
    `INSERT INTO payments (order_id, attempt, amount_minor, currency, status, created_at, updated_at)
     VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?5)`,
  );
  const begun = db.prepare<Pick<LeasedOrder, 'providerId' | 'beganAt'>, [string, number]>(
    'SELECT provider_id AS providerId, created_at AS beganAt FROM payments WHERE order_id = ? AND attempt = ?',
  );
  const endPayment = db.prepare(
    'UPDATE payments SET status = ?, provider_id = ?, reason = ?, updated_at = ? WHERE order_id = ? AND attempt = ?',
  );
  return {
    lease(orderIds: readonly string[], leaseMs: number, begins: Begins, now: number): LeasedOrder[] {
      const leased: LeasedOrder[] = [];
      for (const id of orderIds) {
        const row = orders.find(id);
        if (!row) continue;
        const holdRuns = now < row.expiresAt;
        const takesOver = row.status === 'charging' && row.leaseUntil <= now;
        if (!takesOver && nextStatus(row.status, { type: 'charge', holdRuns }) === null) continue;
        if (!takesOver && begins === 'hidden' && !isHidden(row)) continue;
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
          ...(takesOver ? begun.get(id, attempt)! : { providerId: null, beganAt: now }),
        });
      }
      return leased;
    },

    settle(results: readonly ChargeResult[], now: number): Changes {
      const moves = beginMoves(now);
      const late: LateCapture[] = [];
      for (const { orderId, attempt, leases, result } of results) {
        const row = orders.find(orderId);
        if (row?.status !== 'charging' || row.attempts !== attempt) {
          if (result.type === 'captured') late.push({ orderId, attempt, providerId: result.providerId });
          continue;
        }
        if (result.type === 'attempt_failed' && row.leases !== leases) continue;
        const event: OrderEvent =
          result.type === 'attempt_failed'
            ? { type: result.type, holdRuns: now < row.expiresAt }
            : { type: result.type };
        moves.advance(row, event);
        const providerId = result.type === 'captured' ? result.providerId : null;
        const reason = result.type === 'captured' ? null : result.reason;
        endPayment.run(PAYMENT_STATUS[result.type], providerId, reason, now, orderId, attempt);
      }
      return joinChanges(moves.end(), captureLate(late, now));
    },

    captureLate,

    expireOverdue(limit: number, now: number): Changes {
      const moves = beginMoves(now);
      for (const row of overdue.all(now, limit)) moves.advance(row, { type: 'expire' });
      return moves.end();
    },

    unsettled(olderThanMs: number, limit: number, begins: Begins, now: number): string[] {
      const currency = begins === 'hidden' ? TEST_CURRENCY : null;
      return unsettled.all(now - olderThanMs, now, limit, currency).map(({ id }) => id);
    },
  };
}

const PAYMENT_STATUS = {
  captured: 'captured',
  declined: 'declined',
  attempt_failed: 'failed',
  give_up: 'cancelled',
} as const;
