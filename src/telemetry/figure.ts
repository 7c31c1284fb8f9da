import { singleFlight } from '../lib/single-flight.ts';
import { within } from '../lib/within.ts';

/** A scrape reads all figures at once, and has to be answered within a second. */
export const FIGURE_MS_MAX = 550;

/**
 * A figure read from a backend. Concurrent callers share one query: a hanging one is not repeated, as each would keep a
 * connection. Rejects when the backend fails or takes too long.
 */
export function createFigure<T>(ask: () => Promise<T>, limitMs = FIGURE_MS_MAX): () => Promise<T> {
  const shared = singleFlight(ask);
  return () => within(shared(), limitMs);
}
