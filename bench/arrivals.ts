import { randomFrom } from '../src/lib/random.ts';

/** The channel of a crowd's buyers: all sync, all async, or random for each. */
export const MODES = ['sync', 'async', 'both'] as const;
export type Mode = (typeof MODES)[number];

/** Arrival times. Index = buyer, in order of arrival. */
export interface Arrivals {
  /** Intended start of each buyer, ms after the crowd's start, never falling. */
  readonly atMs: Float64Array;
  /** 1 where the buyer takes the async path. */
  readonly isAsync: Uint8Array;
}

/**
 * A Poisson process of `ratePerS` buyers per second, the arrivals of independent people, bursts included. The same seed
 * gives the same crowd.
 */
export function planArrivals(plan: {
  readonly users: number;
  readonly ratePerS: number;
  readonly mode: Mode;
  readonly seed: number;
}): Arrivals {
  const random = randomFrom(plan.seed);
  const meanGapMs = 1000 / plan.ratePerS;
  const atMs = new Float64Array(plan.users);
  const isAsync = new Uint8Array(plan.users);
  let clockMs = 0;
  for (let buyer = 0; buyer < plan.users; buyer++) {
    atMs[buyer] = clockMs;
    clockMs -= Math.log(1 - random()) * meanGapMs;
    // The channel is drawn in every mode, so that a seed gives the same times in all modes.
    const coin = random() < 0.5 ? 1 : 0;
    isAsync[buyer] = plan.mode === 'both' ? coin : plan.mode === 'async' ? 1 : 0;
  }
  return { atMs, isAsync };
}
