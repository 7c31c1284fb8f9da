import { AppError } from '../domain/errors.ts';
import { within } from './within.ts';

/** So old may an answer be, and so rarely is the work of a probe done, however many ask and however often. */
const EVERY_MS = 1_000;

/** A backend that has not answered by then is down for whoever asks: balancers wait two to five seconds. */
export const PROBE_MS_MAX = 2_000;

export interface ProbeOptions {
  readonly monotonicMs?: () => number;
  readonly limitMs?: number;
}

/**
 * Asks a backend whether it can do `work`, for everybody at once: those who come within a second, or while the work is
 * under way, share one answer. Rejects with AppError `unavailable`. Work that hangs is a no from `limitMs` on until it
 * has ended, and is not begun again meanwhile: each would keep a connection.
 */
export function createProbe(
  work: () => Promise<unknown>,
  { monotonicMs = () => performance.now(), limitMs = PROBE_MS_MAX }: ProbeOptions = {},
): () => Promise<void> {
  let answer: Promise<void> = Promise.resolve();
  let begunAtMs = Number.NEGATIVE_INFINITY;
  let isUnderWay = false;

  async function ask(): Promise<void> {
    isUnderWay = true;
    const asked = work().finally(() => {
      isUnderWay = false;
    });
    try {
      await within(asked, limitMs);
    } catch (error) {
      throw new AppError('unavailable', (error as Error).message, { cause: error });
    }
  }

  return () => {
    if (isUnderWay || monotonicMs() - begunAtMs < EVERY_MS) return answer;
    begunAtMs = monotonicMs();
    answer = ask();
    return answer;
  };
}
