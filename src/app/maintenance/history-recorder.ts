import type { Clock } from '../../domain/clock.ts';
import type { Figures, Sample } from '../../domain/figures.ts';
import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { History } from '../../ports/history.ts';
import { COURSE_BREAK_MS, encode, sampleOf } from '../ops/history.ts';
import type { Leader } from './leader.ts';

/**
 * Keeps a sample of the figures once a second while something happens, and once a minute otherwise. One process at a time does
 * it, for all; a sample that cannot be written is lost, and nothing waits for it.
 */
export interface HistoryRecorder {
  start(): void;
  close(): Promise<void>;
}

export interface HistoryRecorderDependencies {
  readonly ledger: Pick<History, 'keepSample' | 'pruneSamples'>;
  readonly figures: () => Promise<Figures>;
  readonly clock: Clock;
  readonly isLeader: Leader['isLeader'];
  /** How long samples are kept. */
  readonly keepMs: number;
  readonly log: Log;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
const QUIET_EVERY_MS = 60_000;
const PRUNE_EVERY_MS = 60_000;
/** The lease lasts for five seconds; asking each second would be a commit more each second. */
const ASK_EVERY_MS = 2_000;
/**
 * A course that lasts gets its samples further apart: each one after a share of its length, so that the first hour has 3,600
 * and a whole day 20,000. Those further apart than two seconds have the rates of ten seconds instead of two, so that nothing
 * happens unseen between two samples.
 */
const COURSE_SHARE = 3_600;
const BUSY_EVERY_MS_MAX = 10_000;
const FINE_MS_MAX = 2_000;
/** Some 20 MB; at most 40 ms of a thread for who reads a choice of all. */
const SAMPLES_MAX = 20_000;
/** Per minute, of what a shorter setting has made too old. A few milliseconds of SQLite's one writer. */
const PRUNED_MAX = 1_000;

export function createHistoryRecorder(dependencies: HistoryRecorderDependencies): HistoryRecorder {
  const { ledger, figures, clock, isLeader, keepMs, log, everyMs = EVERY_MS } = dependencies;
  let leads = false;
  let askAt = 0;
  let pruneAt = 0;
  let keptAt = 0;
  let busyAt = 0;
  let courseBeganAt = 0;
  let last: Sample | null = null;
  let nextAtMs = 0;
  const job = createPeriodic(work, {
    everyMs: pauseMs,
    onFailure(error, failures) {
      // Once for each time of trouble: the same trouble has better lines elsewhere.
      if (failures === 1) log.warn({ err: error }, 'a sample of the history was lost');
    },
  });

  async function work(): Promise<void> {
    const now = clock();
    if (now >= askAt || now < askAt - ASK_EVERY_MS) {
      leads = await isLeader('history');
      askAt = now + ASK_EVERY_MS;
    }
    if (leads) await record();
    else last = null;
  }

  async function record(): Promise<void> {
    const shown = await figures();
    // In its first second a process knows nothing of itself.
    if (shown.total.instances === 0) return;
    const at = Math.round(clock());
    const courseMs = at - busyAt > COURSE_BREAK_MS ? 0 : at - courseBeganAt;
    const apartMs = Math.min(BUSY_EVERY_MS_MAX, courseMs / COURSE_SHARE);
    const sample = sampleOf(shown, at, apartMs > FINE_MS_MAX);
    const before = last;
    last = sample;
    const wasBusy = before !== null && busyAt === before.at;
    if (isBusy(sample, before)) {
      if (courseMs === 0) courseBeganAt = at;
      busyAt = at;
      // The last quiet moment, so that a chart rises where the sale began.
      if (before && !wasBusy && keptAt !== before.at) await ledger.keepSample(encode(before));
      if (!wasBusy || at - keptAt >= apartMs) await keep(sample);
    } else if (wasBusy || at - keptAt >= QUIET_EVERY_MS) {
      await keep(sample);
    }
    if (at >= pruneAt || at < pruneAt - PRUNE_EVERY_MS) {
      pruneAt = at + PRUNE_EVERY_MS;
      await ledger.pruneSamples(at - keepMs, SAMPLES_MAX, PRUNED_MAX);
    }
  }

  async function keep(sample: Sample): Promise<void> {
    await ledger.keepSample(encode(sample));
    keptAt = sample.at;
  }

  /** In step with the seconds that processes publish: a sample that came later each time would leave some of them out. */
  function pauseMs(): number {
    const nowMs = performance.now();
    nextAtMs = Math.max(nextAtMs + everyMs, nowMs);
    return nextAtMs - nowMs;
  }

  return { start: () => job.runIn(pauseMs()), close: job.close };
}

/** Dead letters stay in the backlog for as long as nobody looks after them: by themselves they are no event. */
function isBusy({ total, backlog, units }: Sample, before: Sample | null): boolean {
  if (Object.values(total.perSecond).some((rate) => rate > 0)) return true;
  if (backlog.oldestAgeMs || backlog.paymentsOldestAgeMs) return true;
  if (before === null) return false;
  const changed = (now: unknown, then: unknown) => now !== null && then !== null && now !== then;
  return (
    changed(backlog.purchases, before.backlog.purchases) ||
    changed(units && JSON.stringify(units), before.units && JSON.stringify(before.units))
  );
}
