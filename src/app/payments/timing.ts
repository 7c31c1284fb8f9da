/** How long payments wait for what. */
export interface PaymentTiming {
  /**
   * Longer than any provider call, time-out included, so that a lease ends only when its charger has died or given up; far
   * shorter than a hold (10 minutes), so that several leases fit in it. Refunds likewise.
   */
  readonly leaseMs: number;
  /** The longest wait for another attempt. */
  readonly retryMsMax: number;
  /** Twice that: an order reserved and untouched for longer has no message on its way. */
  readonly reconcileAgeMs: number;
  readonly sweepEveryMs: number;
  readonly closeDeadlineMs: number;
}

const LEASE_MS = 30_000;
/** Gives a ten-minute hold over a hundred attempts. */
const RETRY_MS_MAX = 5_000;

/** With a short lease every call is retried soon, so nothing else waits long. */
export function timingOf(leaseMs = LEASE_MS): PaymentTiming {
  const retryMsMax = Math.min(RETRY_MS_MAX, Math.floor(leaseMs / 6));
  return {
    leaseMs,
    retryMsMax,
    reconcileAgeMs: 2 * retryMsMax,
    sweepEveryMs: 1_000,
    // A container is usually killed 10 s after it is asked to stop, and closing the stores needs some of that.
    closeDeadlineMs: 5_000,
  };
}
