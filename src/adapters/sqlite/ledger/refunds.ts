import type { Database } from 'bun:sqlite';
import type { Changes } from '../../../ports/changes.ts';
import type { ChargeName, LeasedRefund, RefundsDue } from '../../../ports/payments.ts';
import { createMoves } from './moves.ts';
import { createOrders } from './orders.ts';

/** Money on its way back. Each step that writes must run inside one immediate transaction. */
export function createRefunds(db: Database) {
  const orders = createOrders(db);
  const beginMoves = createMoves(db);
  const prepareDue = (which: string) =>
    db.prepare<LeasedRefund, [number, number]>(
      `SELECT order_id AS orderId, attempt, provider_id AS providerId, amount_minor AS amountMinor, currency,
         refund_tries + 1 AS tries
       FROM payments WHERE refund_due_at <= ? AND ${which} ORDER BY refund_due_at, order_id, attempt LIMIT ?`,
    );
  const fresh = prepareDue('refund_tries = 0');
  const failed = prepareDue('refund_tries > 0');
  const tryLater = db.prepare(
    'UPDATE payments SET refund_due_at = ?, refund_tries = refund_tries + 1 WHERE order_id = ? AND attempt = ?',
  );
  const arrive = db.prepare(
    `UPDATE payments SET status = 'refunded', refund_due_at = NULL, updated_at = ?
     WHERE order_id = ? AND attempt = ? AND status = 'refunding'`,
  );
  const onItsWay = db.prepare<{ found: number }, [string]>(
    `SELECT 1 AS found FROM payments WHERE order_id = ? AND status = 'refunding'`,
  );
  // As a float: an integer sum ends at 64 bits, and with it everything that asks what is due.
  const amounts = db.prepare<RefundsDue['amounts'][number], []>(
    `SELECT currency, total(amount_minor) AS amountMinor FROM payments WHERE refund_due_at IS NOT NULL
     GROUP BY currency ORDER BY currency`,
  );
  // A payment that is refunding was changed last when it became so.
  const waiting = db.prepare<Pick<RefundsDue, 'count' | 'oldestAt'>, []>(
    'SELECT count(*) AS count, min(updated_at) AS oldestAt FROM payments WHERE refund_due_at IS NOT NULL',
  );

  return {
    lease(limit: number, againAfterMs: number, now: number): LeasedRefund[] {
      const leased = fresh.all(now, limit);
      leased.push(...failed.all(now, limit - leased.length));
      for (const { orderId, attempt } of leased) tryLater.run(now + againAfterMs, orderId, attempt);
      return leased;
    },

    settle(refunds: readonly ChargeName[], now: number): Changes {
      const moves = beginMoves(now);
      for (const { orderId, attempt } of refunds) {
        if (arrive.run(now, orderId, attempt).changes === 0 || onItsWay.get(orderId)) continue;
        moves.advance(orders.find(orderId)!, { type: 'refunded' });
      }
      return moves.end();
    },

    due(): RefundsDue {
      return { ...waiting.get()!, amounts: amounts.all() };
    },
  };
}
