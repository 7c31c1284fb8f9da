import { within } from '../lib/within.ts';

/** A scrape asks for all figures at once, and has to be answered within a second. */
export const FIGURE_MS_MAX = 700;

/**
 * What a backend has to be asked for. Those who want it while it is asked for share one question: one that hangs is not
 * asked again, as each would keep a connection. Rejects when the backend fails or takes too long.
 */
export function createFigure<T>(ask: () => Promise<T>, limitMs = FIGURE_MS_MAX): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= Promise.try(ask).finally(() => {
      asking = undefined;
    });
    return within(asking, limitMs);
  };
}
