import type { Database } from 'bun:sqlite';
import type { OrderEvent } from '../../../domain/order.ts';
import { type Changes, joinChanges, NO_CHANGES } from '../../../ports/changes.ts';
import type { LateCapture } from '../../../ports/payments.ts';
import { type PaymentAttempt, tookMoney } from '../../../ports/queries.ts';
import { createMoves } from './moves.ts';
import { createOrders, type StoredOrder } from './orders.ts';

/** Money for attempts that were over. The step must run inside one immediate transaction. */
export function createLate(db: Database): (captures: readonly LateCapture[], now: number) => Changes {
  const orders = createOrders(db);
  const beginMoves = createMoves(db);
  const payment = db.prepare<Pick<PaymentAttempt, 'status'>, [string, number]>(
    'SELECT status FROM payments WHERE order_id = ? AND attempt = ?',
  );
  const capture = db.prepare(
    `UPDATE payments SET status = ?, provider_id = ?, reason = NULL, refund_due_at = ?, updated_at = ?
     WHERE order_id = ? AND attempt = ?`,
  );
  const unitsLeft = db.prepare<{ left: 0 | 1 }, [number, number, number, string | null]>(
    `SELECT p.generation = ?2 AND p.total - p.reserved - p.sold >= ?3
         AND (p.per_customer_limit IS NULL OR ?4 IS NULL OR ?3 + coalesce((SELECT units FROM holdings h
           WHERE h.product_id = p.id AND h.generation = p.generation AND h.customer = ?4), 0) <= p.per_customer_limit)
       AS left
     FROM products p WHERE p.id = ?1`,
  );

  function eventOf(order: StoredOrder, attempt: number): OrderEvent {
    if (order.status === 'charging' && order.attempts === attempt) return { type: 'captured' };
    const { productId, generation, quantity, customer } = order;
    return {
      type: 'late_capture',
      unitsLeft: unitsLeft.get(productId, generation, quantity, customer)?.left === 1,
    };
  }

  function captureOne({ orderId, attempt, providerId }: LateCapture, now: number): Changes {
    const order = orders.find(orderId);
    const before = payment.get(orderId, attempt);
    // The provider told of some captures before.
    if (!order || !before || tookMoney(before)) return NO_CHANGES;
    const moves = beginMoves(now);
    const kept = moves.advance(order, eventOf(order, attempt)) === 'paid';
    capture.run(kept ? 'captured' : 'refunding', providerId, kept ? null : now, now, orderId, attempt);
    return moves.end();
  }

  // One by one: the units that one takes are no longer left for the next.
  return (captures, now) => joinChanges(...captures.map((one) => captureOne(one, now)));
}
