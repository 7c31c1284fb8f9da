/**
 * The pause after the `failures`-th failure in a row (from 1): it doubles from `firstMs` up to `maxMs`. Its upper half
 * is random, so that clients that failed together do not retry together.
 */
export function backoffMs(failures: number, firstMs: number, maxMs: number): number {
  // Above 2^30 the power would leave the range of a timer; `maxMs` is reached long before.
  const fullMs = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.ceil(fullMs / 2 + (fullMs / 2) * Math.random());
}
