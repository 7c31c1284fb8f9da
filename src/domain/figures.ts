import type { ProcessStats, WindowStats } from './process-stats.ts';

/** What happens now: of each process, and in total. What cannot be read is null, each figure by itself. */
export interface Figures {
  readonly total: Totals;
  /** `ageMs`: since the process published them. */
  readonly instances: readonly (ProcessStats & { readonly ageMs: number })[];
  readonly backlog: Backlog;
  /** Of the first products. */
  readonly units: readonly ProductUnits[] | null;
}

/** Rates are sums over the processes, times those of the slowest one. */
export interface Totals extends Sums {
  readonly instances: number;
  readonly recent: Sums;
  /** Age of the oldest of the figures. */
  readonly ageMs: number;
}

export type Sums = Pick<WindowStats, 'perSecond' | 'times'>;

export interface Backlog {
  /** Accepted purchases without an outcome, dead letters among them. */
  readonly purchases: number | null;
  readonly oldestAgeMs: number | null;
  readonly paymentsOldestAgeMs: number | null;
}

export interface ProductUnits {
  readonly productId: number;
  readonly total: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/**
 * The figures of a moment that is over: of its last two seconds, or of ten where samples are further apart. Without what only tells how
 * fresh they were.
 */
export interface Sample {
  /** By the ledger's clock (ms since the epoch). */
  readonly at: number;
  readonly total: Omit<Totals, 'ageMs' | 'recent'>;
  readonly instances: readonly Pick<ProcessStats, 'instance' | 'eventLoopP99Ms' | 'cpuShare' | 'rssBytes'>[];
  readonly backlog: Backlog;
  readonly units: readonly ProductUnits[] | null;
}
