import { randomFrom } from '../src/lib/random.ts';
import { type OpenProfile, openProfile } from './profiles.ts';

/** The channel of a crowd's buyers: all sync, all async, or random for each. */
export const MODES = ['sync', 'async', 'both'] as const;
export type Mode = (typeof MODES)[number];

/** Arrival times. Index = buyer, in order of arrival. */
export interface Arrivals {
  /** Intended start of each buyer, ms after the crowd's start, never falling. */
  readonly atMs: Float64Array;
  /** 1 where the buyer takes the async path. */
  readonly isAsync: Uint8Array;
  /** 1 where the buyer has a key and sends the purchase twice. */
  readonly repeats: Uint8Array;
}

/** Other draws than those of the arrivals, so that a profile's repeats leave its times as they are. */
const REPEATS_STREAM = 0x5eed;

/**
 * The arrivals of `users` independent people, bursts included: a Poisson process whose rate follows the profile, and whose mean
 * rate is `ratePerS`. The same seed gives the same crowd.
 *
 * Exponential gaps, scaled to the crowd's length, are the sorted moments of a uniform process (Devroye, Non-Uniform Random
 * Variate Generation, V.3); the inverse of the profile's integral bends them into its shape.
 */
export function planArrivals(plan: {
  readonly users: number;
  readonly ratePerS: number;
  readonly mode: Mode;
  readonly seed: number;
  readonly profile?: OpenProfile;
  /** Buyers who send it twice whatever the profile says: the first ones. */
  readonly firstRepeaters?: number;
}): Arrivals {
  const { users, mode, seed, profile = openProfile('constant'), firstRepeaters = 0 } = plan;
  const random = randomFrom(seed);
  const atMs = new Float64Array(users);
  const isAsync = new Uint8Array(users);
  let clock = 0;
  for (let buyer = 0; buyer < users; buyer++) {
    atMs[buyer] = clock;
    clock -= Math.log(1 - random());
    // The channel is drawn in every mode, so that a seed gives the same times in all modes.
    const coin = random() < 0.5 ? 1 : 0;
    isAsync[buyer] = mode === 'both' ? coin : mode === 'async' ? 1 : 0;
  }
  const lengthMs = (users / plan.ratePerS) * 1000;
  const bend = inverseOf(profile.arrivals);
  for (let buyer = 0; buyer < users; buyer++) atMs[buyer] = bend(atMs[buyer]! / clock) * lengthMs;
  return { atMs, isAsync, repeats: drawRepeats(users, seed, profile.repeats.share, firstRepeaters) };
}

/** The first ones come while there are units, so that something is granted twice. */
function drawRepeats(users: number, seed: number, share: number, first: number): Uint8Array {
  const random = randomFrom(seed ^ REPEATS_STREAM);
  const repeats = new Uint8Array(users);
  for (let buyer = 0; buyer < users; buyer++) repeats[buyer] = random() < share || buyer < first ? 1 : 0;
  return repeats;
}

/**
 * For a rate of straight lines between its points: the share of the time by which the share `part` of all has come. To be called
 * with parts that never fall.
 */
function inverseOf(points: OpenProfile['arrivals']): (part: number) => number {
  const pieces = points.slice(1).map(([to, rateTo], i) => {
    const [from, rateFrom] = points[i]!;
    return { from, width: to - from, rateFrom, rateTo, area: ((to - from) * (rateFrom + rateTo)) / 2 };
  });
  const whole = pieces.reduce((sum, { area }) => sum + area, 0);
  let at = 0;
  let before = 0;
  return (part) => {
    const wanted = part * whole;
    while (at < pieces.length - 1 && before + pieces[at]!.area <= wanted) before += pieces[at++]!.area;
    const { from, width, rateFrom, rateTo } = pieces[at]!;
    const slope = width === 0 ? 0 : (rateTo - rateFrom) / width;
    const rest = wanted - before;
    // Its square root form has no division by a slope near zero.
    const root = Math.sqrt(Math.max(0, rateFrom * rateFrom + 2 * slope * rest));
    const along = rest === 0 ? 0 : (2 * rest) / (rateFrom + root);
    return from + Math.min(width, along);
  };
}
