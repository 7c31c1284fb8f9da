import type { Clock } from '../../domain/clock.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { Database } from './database.ts';

/** The database's clock without asking it each time. */
export interface FollowingClock {
  readonly now: Clock;
  close(): void;
}

const MEASURE_EVERY_MS = 15_000;
/** Of several measurements the one with the shortest way is the best: the answer was given somewhere on it. */
const SAMPLES = 3;
/** What two quartz clocks part by at most, per millisecond, and a measurement gets worse by. */
const DRIFT = 1e-4;
/** Whatever is measured better than this is good enough. */
const ERROR_MS = 1;
/** A smaller correction never takes the clock back; a larger one means that the database has another clock now. */
const STEP_BACK_MS_MAX = 1_000;

/** Rejects like the database when the first measurement fails; later ones are simply tried again. */
export async function followClock(
  { read }: Pick<Database, 'read'>,
  measureEveryMs = MEASURE_EVERY_MS,
): Promise<FollowingClock> {
  let offsetMs = 0;
  let errorMs = Number.POSITIVE_INFINITY;
  let measuredAtMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;

  /** On a busy day the way takes long and says little: then the last measurement is the better one. */
  async function measure(): Promise<void> {
    let best = { offsetMs: 0, errorMs: Number.POSITIVE_INFINITY, atMs: 0 };
    for (let sample = 0; sample < SAMPLES; sample++) {
      const askedAtMs = performance.now();
      const [row] = await read<{ now: number }>(NOW);
      const atMs = performance.now();
      const halfWayMs = (atMs - askedAtMs) / 2;
      if (halfWayMs < best.errorMs) {
        best = { offsetMs: row!.now - (askedAtMs + halfWayMs), errorMs: halfWayMs, atMs };
      }
    }
    const errorByNowMs = errorMs + (best.atMs - measuredAtMs) * DRIFT;
    if (best.errorMs > Math.max(ERROR_MS, errorByNowMs)) return;
    ({ offsetMs, errorMs, atMs: measuredAtMs } = best);
  }

  await measure();
  const job = createPeriodic(measure, { everyMs: measureEveryMs, onFailure() {} });
  job.runIn(measureEveryMs);

  return {
    now() {
      const nowMs = Math.floor(performance.now() + offsetMs);
      if (nowMs > lastMs || nowMs < lastMs - STEP_BACK_MS_MAX) lastMs = nowMs;
      return lastMs;
    },
    close: job.close,
  };
}

const NOW = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now';
