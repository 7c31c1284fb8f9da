import type { Clock } from '../../domain/clock.ts';
import type { Database } from './database.ts';

/** The database's clock without asking it each time. */
export interface FollowingClock {
  readonly now: Clock;
  close(): void;
}

/** Two quartz clocks part by about a millisecond in this time. */
const MEASURE_EVERY_MS = 15_000;
/** Of several measurements the one with the shortest way is the best: the answer was given somewhere on it. */
const SAMPLES = 3;
/** A smaller correction never takes the clock back; a larger one means that the database has another clock now. */
const STEP_BACK_MS_MAX = 1_000;

/** Rejects like the database when the first measurement fails; later ones are simply tried again. */
export async function followClock(
  { read }: Pick<Database, 'read'>,
  measureEveryMs = MEASURE_EVERY_MS,
): Promise<FollowingClock> {
  let offsetMs = 0;
  let lastMs = Number.NEGATIVE_INFINITY;

  async function measure(): Promise<void> {
    let shortestMs = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const askedAtMs = performance.now();
      const [row] = await read<{ now: number }>(NOW);
      const tookMs = performance.now() - askedAtMs;
      if (tookMs >= shortestMs) continue;
      shortestMs = tookMs;
      offsetMs = row!.now - (askedAtMs + tookMs / 2);
    }
  }

  await measure();
  const timer = setInterval(() => void measure().catch(() => {}), measureEveryMs);
  timer.unref();

  return {
    now() {
      const nowMs = Math.floor(performance.now() + offsetMs);
      if (nowMs > lastMs || nowMs < lastMs - STEP_BACK_MS_MAX) lastMs = nowMs;
      return lastMs;
    },
    close: () => clearInterval(timer),
  };
}

const NOW = 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now';
