import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from './backoff.ts';

const PAUSE_MS_FIRST = 250;
const PAUSE_MS_MAX = 2_000;

/**
 * Tries again what may work in a moment, until `withinMs` have passed; then rejects with the last error, as at once with one that
 * does not pass. `onWait` hears of each other cause once.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  withinMs: number,
  mayPass: (error: unknown) => error is Error,
  onWait: (error: Error) => void,
): Promise<T> {
  const untilMs = performance.now() + withinMs;
  let heard = '';
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (!mayPass(error) || performance.now() >= untilMs) throw error;
      if (error.message !== heard) onWait(error);
      heard = error.message;
      await sleep(backoffMs(failures, PAUSE_MS_FIRST, PAUSE_MS_MAX));
    }
  }
}
