import { backoffMs } from '../../lib/backoff.ts';

/**
 * Whether the payment company is down, by what comes of asking it. One order that fails again and again says nothing about the
 * company, and must not slow the others; so many different ones in a row, without one answer between them, do.
 */
export interface Outage {
  /** What came of asking for an order; a refusal is an answer, too. */
  heard(orderId: string, isAnswer: boolean): void;
  isOn(): boolean;
  /** The pause before the company is asked again: longer from one to the next, until it answers. */
  nextPauseMs(): number;
}

/** With fewer orders than this that fail, no other one waits. */
export const OUTAGE_ORDERS = 20;

/** Fewer vain asks, yet soon back: this is also what an order waits whose neighbours all fail for reasons of their own. */
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
