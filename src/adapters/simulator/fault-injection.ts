/**
 * How a charge ends.
 * - `lost`: no answer, nothing charged; the next call starts anew.
 * - `late`: no answer, but charged right after the caller has given up.
 * - `too_late`: no answer to any call; charged after its cancellation was confirmed, and then sent by webhook.
 * - `duplicate`: captured, answered, and then sent by webhook twice.
 */
export type ChargeOutcome = 'captured' | 'declined' | 'error' | 'lost' | 'late' | 'too_late' | 'duplicate';

/** How a refund ends; `lost` and `late` as above. */
export type RefundOutcome = 'refunded' | 'error' | 'lost' | 'late';

/** Shares of the simulator's charges, 0…1. */
export interface FaultRates {
  /** Finally declined. */
  readonly declineRate: number;
  /** Without an answer; half of them are charged nevertheless. Of refunds, too. */
  readonly timeoutRate: number;
  /** Refused with an error before anything was done. Of refunds, too. */
  readonly errorRate: number;
  /** Captured, and sent by webhook, too. */
  readonly duplicateRate: number;
  /** Captured although a cancellation was confirmed. */
  readonly tooLateRate: number;
}

/** Customers with scripted outcomes, whatever the rates. */
const SCRIPTED_OUTCOMES: ReadonlyMap<string | null, ChargeOutcome> = new Map([
  ['test_decline', 'declined'],
  ['test_timeout', 'lost'],
  ['test_late', 'late'],
  ['test_too_late', 'too_late'],
  ['test_twice', 'duplicate'],
]);

/** The refunds of this customer fail in both ways before one is answered. */
export const REFUND_FAILS = 'test_refund_fails';
const SCRIPTED_REFUNDS: readonly RefundOutcome[] = ['error', 'late'];

/** Draws the outcome of the next call. */
export interface FaultInjection {
  charge(customer: string | null): ChargeOutcome;
  refund(): RefundOutcome;
  /** Of the customer whose refunds fail, after so many attempts. */
  failingRefund(attemptsBefore: number): RefundOutcome;
}

export function createFaultInjection(
  {
    errorRate = 0,
    declineRate = 0,
    timeoutRate = 0,
    duplicateRate = 0,
    tooLateRate = 0,
  }: Partial<FaultRates>,
  random: () => number,
): FaultInjection {
  const shares: readonly (readonly [number, ChargeOutcome | 'unanswered'])[] = [
    [errorRate, 'error'],
    [declineRate, 'declined'],
    [timeoutRate, 'unanswered'],
    [duplicateRate, 'duplicate'],
    [tooLateRate, 'too_late'],
  ];

  function draw(): ChargeOutcome {
    let left = random();
    for (const [share, outcome] of shares) {
      if (left < share) return outcome === 'unanswered' ? unanswered() : outcome;
      left -= share;
    }
    return 'captured';
  }

  function unanswered(): 'lost' | 'late' {
    return random() < 0.5 ? 'lost' : 'late';
  }

  return {
    charge: (customer) => SCRIPTED_OUTCOMES.get(customer) ?? draw(),
    refund() {
      const drawn = random();
      if (drawn < errorRate) return 'error';
      return drawn < errorRate + timeoutRate ? unanswered() : 'refunded';
    },
    failingRefund: (attemptsBefore) => SCRIPTED_REFUNDS[attemptsBefore] ?? 'refunded',
  };
}
