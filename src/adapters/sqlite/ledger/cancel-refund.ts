import { type CancelOrRefund, decideCancelRefund } from '../../../domain/cancel-refund.ts';
import type { Clock } from '../../../domain/clock.ts';
import { NO_CHANGES } from '../../../ports/changes.ts';
import type { Canceller, OrderStepResult, Payments } from '../../../ports/payments.ts';
import type { Store } from '../store.ts';
import { createAuditLog } from './audit-log.ts';
import { createMoves } from './moves.ts';
import { createOrders, withoutLease } from './orders.ts';

/** How people end orders, in an immediate transaction. */
export function createCancelRefund({ db, write }: Store, now: Clock): Pick<Payments, 'cancel' | 'refund'> {
  const orders = createOrders(db);
  const auditLog = createAuditLog(db);
  const beginMoves = createMoves(db);
  const sendBack = db.prepare(
    `UPDATE payments SET status = 'refunding', refund_due_at = ?1, updated_at = ?1
     WHERE order_id = ?2 AND status = 'captured'`,
  );

  function end(
    orderId: string,
    ending: CancelOrRefund,
    { customer, entry }: Canceller,
    nowMs: number,
  ): OrderStepResult {
    const stored = orders.find(orderId);
    const decided = decideCancelRefund(stored && withoutLease(stored), ending, customer);
    if (decided.kind === 'taken') return { kind: 'done', order: decided.order, changes: NO_CHANGES };
    if (decided.kind !== 'step') return decided;
    const { order, next } = decided;
    // An entry that is written down already was done before, and is not done again.
    if (entry && !auditLog.write(entry, nowMs)) return { kind: 'refused', order };
    if (next === 'refunding') sendBack.run(nowMs, orderId);
    const moves = beginMoves(nowMs);
    moves.advance(stored!, { type: ending });
    return { kind: 'done', order: { ...order, status: next, updatedAt: nowMs }, changes: moves.end() };
  }

  return {
    cancel: async (orderId, by) => write(() => end(orderId, 'cancel', by, now())),
    refund: async (orderId, entry) => write(() => end(orderId, 'refund', { entry }, now())),
  };
}
