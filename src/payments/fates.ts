/**
 * What a charge comes to.
 * - `lost`: no answer, nothing charged; the next ask starts anew.
 * - `late`: no answer, but charged right after the caller has given up.
 */
export type Fate = 'captured' | 'declined' | 'error' | 'lost' | 'late';

/** Shares of the simulator's charges, 0…1. */
export interface FateRates {
  /** Declined for good. */
  readonly declineRate: number;
  /** Without an answer; half of them are charged all the same. */
  readonly timeoutRate: number;
  /** Refused with an error before anything was done. */
  readonly errorRate: number;
}

/** Customers who behave as named, whatever the rates. */
const NAMED_FATES: ReadonlyMap<string | null, Fate> = new Map([
  ['test_decline', 'declined'],
  ['test_timeout', 'lost'],
  ['test_late', 'late'],
]);

/** Tells what the next charge of this customer comes to. */
export function fateTeller(
  { errorRate = 0, declineRate = 0, timeoutRate = 0 }: Partial<FateRates>,
  random: () => number,
): (customer: string | null) => Fate {
  function draw(): Fate {
    const drawn = random();
    if (drawn < errorRate) return 'error';
    if (drawn < errorRate + declineRate) return 'declined';
    if (drawn < errorRate + declineRate + timeoutRate) return random() < 0.5 ? 'lost' : 'late';
    return 'captured';
  }
  return (customer) => NAMED_FATES.get(customer) ?? draw();
}
