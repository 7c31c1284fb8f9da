/**
 * How long refused callers are sent away, in whole seconds. All who were refused in one second would come back in one second, so
 * each gets a time of its own; the more they are, the longer the time over which they come back.
 */
export interface RetryAfter {
  /** For one more caller, who is refused now. */
  next(): number;
}

/** So many callers a second may come back: a small part of what a server answers. */
const BACK_PER_SECOND = 500;
/** Over so many seconds they come back at least, and at most: a sale is over in minutes, and buyers look away. */
const SPREAD_S_MIN = 3;
const SPREAD_S_MAX = 30;

export function createRetryAfter(monotonicMs: () => number, random: () => number = Math.random): RetryAfter {
  let second = 0;
  let refusedNow = 0;
  let refusedBefore = 0;
  return {
    next() {
      const now = Math.floor(monotonicMs() / 1000);
      if (now !== second) {
        refusedBefore = now === second + 1 ? refusedNow : 0;
        refusedNow = 0;
        second = now;
      }
      refusedNow++;
      const wanted = Math.ceil(Math.max(refusedNow, refusedBefore) / BACK_PER_SECOND);
      const spreadS = Math.min(SPREAD_S_MAX, Math.max(SPREAD_S_MIN, wanted));
      return 1 + Math.floor(random() * spreadS);
    },
  };
}
