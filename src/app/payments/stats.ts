import type { OrderStatus } from '../../domain/order.ts';

/** Counts since the start. */
export interface PaymentStats {
  paid: number;
  declined: number;
  expired: number;
  cancelled: number;
  /** Orders whose message was lost, enqueued again. */
  recovered: number;
  /** Attempts that the provider surely did not carry out; their orders are tried again. */
  failedAttempts: number;
  /** Calls that ended without an answer; their orders wait for the end of the lease. */
  unanswered: number;
  /** Captures that were refunded. */
  refunded: number;
  /** Refund calls that failed; they are retried. */
  failedRefunds: number;
  /** Captures that the provider reported unasked. */
  latePayments: number;
  inFlight: number;
}

export function newStats(): Omit<PaymentStats, 'inFlight'> {
  return {
    paid: 0,
    declined: 0,
    expired: 0,
    cancelled: 0,
    recovered: 0,
    failedAttempts: 0,
    unanswered: 0,
    refunded: 0,
    failedRefunds: 0,
    latePayments: 0,
  };
}

/** Counts final statuses from the ledger's changes, because several paths lead to them. */
export function countEnd(
  stats: Pick<PaymentStats, 'paid' | 'declined' | 'expired' | 'cancelled'>,
  status: OrderStatus,
): void {
  if (status === 'paid' || status === 'declined' || status === 'expired' || status === 'cancelled') {
    stats[status]++;
  }
}
