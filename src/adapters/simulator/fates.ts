/**
 * What a charge comes to.
 * - `lost`: no answer, nothing charged; the next ask starts anew.
 * - `late`: no answer, but charged right after the caller has given up.
 * - `too_late`: no answer, however often it is asked for; charged after its cancellation was confirmed, and told then.
 * - `told_twice`: captured, answered, and then told twice more.
 */
export type Fate = 'captured' | 'declined' | 'error' | 'lost' | 'late' | 'too_late' | 'told_twice';

/** What a refund comes to; `lost` and `late` as above. */
export type RefundFate = 'refunded' | 'error' | 'lost' | 'late';

/** Shares of the simulator's charges, 0…1. */
export interface FateRates {
  /** Declined for good. */
  readonly declineRate: number;
  /** Without an answer; half of them are charged all the same. Of refunds, too. */
  readonly timeoutRate: number;
  /** Refused with an error before anything was done. Of refunds, too. */
  readonly errorRate: number;
  /** Captured, and told of again by itself. */
  readonly duplicateRate: number;
  /** Captured although a cancellation was confirmed. */
  readonly tooLateRate: number;
}

/** Customers who behave as named, whatever the rates. */
const NAMED_FATES: ReadonlyMap<string | null, Fate> = new Map([
  ['test_decline', 'declined'],
  ['test_timeout', 'lost'],
  ['test_late', 'late'],
  ['test_too_late', 'too_late'],
  ['test_twice', 'told_twice'],
]);

/** The refunds of this customer fail in both ways before one is answered. */
export const REFUND_FAILS = 'test_refund_fails';
const ITS_REFUNDS: readonly RefundFate[] = ['error', 'late'];

/** Tells what comes next. */
export interface FateTeller {
  charge(customer: string | null): Fate;
  refund(): RefundFate;
  /** Of the customer whose refunds fail: what the ask after so many others comes to. */
  failingRefund(asksBefore: number): RefundFate;
}

export function fateTeller(
  { errorRate = 0, declineRate = 0, timeoutRate = 0, duplicateRate = 0, tooLateRate = 0 }: Partial<FateRates>,
  random: () => number,
): FateTeller {
  const shares: readonly (readonly [number, Fate | 'unanswered'])[] = [
    [errorRate, 'error'],
    [declineRate, 'declined'],
    [timeoutRate, 'unanswered'],
    [duplicateRate, 'told_twice'],
    [tooLateRate, 'too_late'],
  ];

  function draw(): Fate {
    let left = random();
    for (const [share, fate] of shares) {
      if (left < share) return fate === 'unanswered' ? unanswered() : fate;
      left -= share;
    }
    return 'captured';
  }

  function unanswered(): 'lost' | 'late' {
    return random() < 0.5 ? 'lost' : 'late';
  }

  return {
    charge: (customer) => NAMED_FATES.get(customer) ?? draw(),
    refund() {
      const drawn = random();
      if (drawn < errorRate) return 'error';
      return drawn < errorRate + timeoutRate ? unanswered() : 'refunded';
    },
    failingRefund: (asksBefore) => ITS_REFUNDS[asksBefore] ?? 'refunded',
  };
}
