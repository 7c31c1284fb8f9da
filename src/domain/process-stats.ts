/** Stats of one process: rates over the last seconds, latencies and CPU. */
export interface ProcessStats extends WindowStats {
  /** Host, process and start time: unique per process. */
  readonly instance: string;
  /** The same of the last two seconds, for charts: ten seconds are steady, and make a short sale look long and flat. */
  readonly recent?: WindowStats;
  readonly eventLoopP99Ms: number;
  readonly rssBytes: number;
  readonly uptimeMs: number;
  /** What this process's consumers hold, by queue: a broker does not tell other processes. Absent where there are none. */
  readonly consumers?: ConsumersByQueue;
}

export type ConsumersByQueue = Readonly<Record<string, ConsumerStats>>;

/** Unacknowledged messages of a queue, at one consumer or several. */
export interface ConsumerStats {
  readonly unacknowledged: number;
  /** When the oldest unacknowledged message was published; null when there is none. */
  readonly oldestAt: number | null;
  /** Messages still in the queue were published after this moment; null when unknown. */
  readonly frontAt: number | null;
  /** How many consumers that is; a process of an older version does not tell. */
  readonly consumers?: number;
}

export interface WindowStats {
  /** The span that rates, times and the share of the processor cover. */
  readonly windowMs: number;
  readonly perSecond: Readonly<Record<Rate, number>>;
  /** Times in ms, as exact as their bucket bounds; null without samples. */
  readonly times: Readonly<Record<Time, number | null>>;
  /** Of one core. */
  readonly cpuShare: number;
}

export const RATES = [
  /** Purchase requests answered, whatever the answer. */
  'syncAttempts',
  'asyncAttempts',
  /** Purchases that got their units, sync and async. */
  'reserved',
  /** Purchases refused, sync and async. */
  'refused',
  /** Async purchases taken in. */
  'accepted',
  /** Async purchases that got their outcome. */
  'confirmed',
  'paid',
  'declined',
  'expired',
  /** Charge attempts that failed or were not answered. */
  'paymentFailures',
] as const;
export type Rate = (typeof RATES)[number];

export const TIMES = [
  /** From a sync request to its answer. */
  'syncP50Ms',
  'syncP99Ms',
  /** From an async request to its 202. */
  'acceptP99Ms',
  /** From an async purchase's acceptance to its outcome. */
  'confirmP99Ms',
] as const;
export type Time = (typeof TIMES)[number];
