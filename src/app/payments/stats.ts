import type { OrderStatus } from '../../domain/order.ts';

/** Counts since the start. */
export interface PaymentStats {
  paid: number;
  declined: number;
  expired: number;
  cancelled: number;
  /** Orders that no message led to any more, put back in line. */
  recovered: number;
  /** Attempts that the provider surely did not carry out; their orders are tried again. */
  failedAttempts: number;
  /** Asks that ended without an answer; their orders wait for the end of the lease. */
  unanswered: number;
  /** Captures that were given back. */
  refunded: number;
  /** Asks for a refund that were not answered with one; they are made again. */
  failedRefunds: number;
  /** Captures that the provider told of by itself. */
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

/** Counts an end where the ledger says that an order came to it, because several ways lead there. */
export function countEnd(
  stats: Pick<PaymentStats, 'paid' | 'declined' | 'expired' | 'cancelled'>,
  status: OrderStatus,
): void {
  if (status === 'paid' || status === 'declined' || status === 'expired' || status === 'cancelled') {
    stats[status]++;
  }
}
