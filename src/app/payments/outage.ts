import { backoffMs } from '../../lib/backoff.ts';

/**
 * Detects an outage of the payment company from call results. One order that fails again and again says nothing about the
 * company, and must not slow the others; many different orders failing in a row, without one answer between them, do.
 */
export interface Outage {
  /** The result of a call for an order; a refusal counts as an answer. */
  heard(orderId: string, isAnswer: boolean): void;
  isOn(): boolean;
  /** The pause before the next call: it grows until the company answers. */
  nextPauseMs(): number;
}

/** With fewer failing orders than this, no other order waits. */
export const OUTAGE_ORDERS = 20;

/** Few vain calls, yet a quick recovery: an order also waits this long when all its neighbours fail for their own reasons. */
const OUTAGE_PAUSE_MS_FIRST = 100;
export const OUTAGE_PAUSE_MS_MAX = 5_000;

export function createOutage(): Outage {
  const failing = new Set<string>();
  let pauses = 0;

  return {
    heard(orderId, isAnswer) {
      if (isAnswer) {
        failing.clear();
        pauses = 0;
      } else if (failing.size < OUTAGE_ORDERS) failing.add(orderId);
    },
    isOn: () => failing.size >= OUTAGE_ORDERS,
    nextPauseMs: () => backoffMs(++pauses, OUTAGE_PAUSE_MS_FIRST, OUTAGE_PAUSE_MS_MAX),
  };
}
