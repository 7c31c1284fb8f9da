import type { Database } from 'bun:sqlite';
import type { AuditEntry } from '../../../domain/audit-entry.ts';
import { nextStatus, type OrderEvent, type OrderStatus } from '../../../domain/order.ts';
import { NO_CHANGES } from '../../../ports/changes.ts';
import type { Canceller, Ended } from '../../../ports/payments.ts';
import { createMoves } from './moves.ts';
import { createAuditLog } from './operations.ts';
import { createOrders, type StoredOrder, withoutLease } from './orders.ts';

/** How people end orders. Each step must run inside one immediate transaction. */
export function createEndings(db: Database) {
  const orders = createOrders(db);
  const operations = createAuditLog(db);
  const beginMoves = createMoves(db);
  const sendBack = db.prepare(
    `UPDATE payments SET status = 'refunding', refund_due_at = ?1, updated_at = ?1
     WHERE order_id = ?2 AND status = 'captured'`,
  );

  /** Takes the step, unless the order has taken it before: then it is `done` as well. */
  function step(
    order: StoredOrder,
    event: OrderEvent,
    taken: readonly OrderStatus[],
    operation: AuditEntry | undefined,
    now: number,
  ): Ended {
    if (taken.includes(order.status)) {
      return { kind: 'done', order: withoutLease(order), changes: NO_CHANGES };
    }
    const applies = nextStatus(order.status, event) !== null;
    // An operation that is written down already was done before, and is not done again.
    if (!applies || (operation && !operations.write(operation, now))) {
      return { kind: 'refused', order: withoutLease(order) };
    }
    const moves = beginMoves(now);
    moves.advance(order, event);
    return { kind: 'done', order: withoutLease(orders.find(order.id)!), changes: moves.end() };
  }

  return {
    cancel(orderId: string, { customer, operation }: Canceller, now: number): Ended {
      const order = orders.find(orderId);
      if (!order || (customer !== undefined && customer !== order.customer)) return { kind: 'unknown_order' };
      return step(order, { type: 'cancel' }, ['cancelled'], operation, now);
    },

    refund(orderId: string, operation: AuditEntry, now: number): Ended {
      const order = orders.find(orderId);
      if (!order) return { kind: 'unknown_order' };
      const ended = step(order, { type: 'refund' }, ['refunding', 'refunded'], operation, now);
      if (ended.kind === 'done') sendBack.run(now, orderId);
      return ended;
    },
  };
}
