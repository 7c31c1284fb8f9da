/** One figure over the repeats of a run. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Null without a value. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, count: sorted.length };
}

/** Repeats below which two ranges that do not touch may well be chance: with three each, one time in ten. */
export const REPEATS_TO_TELL = 3;

/** A difference is shown where there are enough repeats of both, and all of one lie on the same side of all of the other. */
export function isDifferenceShown(a: Spread, b: Spread): boolean {
  const isEnough = a.count >= REPEATS_TO_TELL && b.count >= REPEATS_TO_TELL;
  return isEnough && (a.max < b.min || b.max < a.min);
}
