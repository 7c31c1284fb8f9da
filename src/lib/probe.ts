import { AppError } from '../domain/errors.ts';
import { within } from './within.ts';

/** Age limit of an answer, and so the shortest interval between probes, however many callers there are. */
const EVERY_MS = 1_000;

/** A backend that has not answered by then counts as down: balancers wait two to five seconds. */
export const PROBE_MS_MAX = 2_000;

export interface ProbeOptions {
  readonly monotonicMs?: () => number;
  readonly limitMs?: number;
}

/**
 * Checks that a backend can do `work`, once for all callers: calls within a second, or while the work is running, share
 * one answer. Rejects with AppError `unavailable`. Work that hangs fails from `limitMs` on until it has ended, and is
 * not started again meanwhile: each run would keep a connection.
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
