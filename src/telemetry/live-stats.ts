import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { PaymentProcessor } from '../app/payments/processor.ts';
import type { Intake } from '../app/purchase/intake.ts';
import type { Worker } from '../app/purchase/worker.ts';
import {
  type ConsumersByQueue,
  type ProcessStats,
  RATES,
  type Rate,
  type WindowStats,
} from '../domain/process-stats.ts';
import type { Feed } from '../ports/feed.ts';
import type { Queue } from '../ports/queue.ts';
import { type Latencies, percentileMs } from './latencies.ts';
import type { Metrics } from './metrics.ts';

/**
 * Live stats of all processes. Each process publishes its own once a second, from existing counters, and keeps the latest of
 * the others. They cost a purchase nothing.
 */
export interface LiveStats {
  start(): void;
  /** The latest of every process, ours included, with their age; processes silent for ten seconds are left out. */
  now(): readonly AgedStats[];
  /** The queues' consumers at other processes; those that were silent for three seconds count as dead. */
  consumersElsewhere(): readonly ConsumersByQueue[];
  close(): void;
}

export interface AgedStats {
  readonly stats: ProcessStats;
  readonly ageMs: number;
}

export interface LiveStatsDependencies {
  readonly instance: string;
  readonly metrics: Metrics;
  readonly intake: Pick<Intake, 'stats'>;
  readonly worker: Pick<Worker, 'stats'>;
  readonly payments: Pick<PaymentProcessor, 'stats'>;
  readonly queue: Pick<Queue, 'consumers'>;
  readonly feed: Pick<Feed, 'publishStats' | 'subscribe'>;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
/** Rates span so many ticks: ten seconds are steady, and still show what happens. */
const WINDOW_TICKS = 10;
/** Two, because who looks once a second comes late now and then, and should see every second. */
const RECENT_TICKS = 2;
/** A process that is silent for this long has ended or lost its connection. */
const FORGET_AFTER_MS = 10_000;
/** Consumers are forgotten sooner: a broker redelivers what a dead process held, and these messages would be counted twice. */
const CONSUMERS_MS_MAX = 3_000;
/** More processes than any service runs. */
const INSTANCES_MAX = 1_000;
/** How often the event loop's delay is sampled. */
const DELAY_RESOLUTION_MS = 20;

interface Snapshot {
  readonly atMs: number;
  readonly counts: Readonly<Record<Rate, number>>;
  readonly times: Readonly<Record<'sync' | 'async' | 'confirm', readonly number[]>>;
  readonly cpuMicros: number;
}

export function createLiveStats(dependencies: LiveStatsDependencies): LiveStats {
  const { instance, metrics, intake, worker, payments, queue, feed, everyMs = EVERY_MS } = dependencies;
  const latest = new Map<string, { stats: ProcessStats; atMs: number }>();
  const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  const snapshots: Snapshot[] = [];
  let timer: Timer | undefined;
  let rssBytes = 0;
  const unsubscribe = feed.subscribe({ stats: keep });

  function keep(stats: ProcessStats): void {
    if (latest.size >= INSTANCES_MAX && !latest.has(stats.instance)) return;
    latest.set(stats.instance, { stats, atMs: performance.now() });
  }

  function publish(): void {
    const last = snapshot();
    snapshots.push(last);
    if (snapshots.length > WINDOW_TICKS + 1) snapshots.shift();
    const eventLoopP99Ms = delays.percentile(99) / 1e6;
    delays.reset();
    rssBytes = readRss() ?? rssBytes;
    const own: ProcessStats = {
      instance,
      ...between(snapshots[0]!, last),
      recent: between(snapshots.at(-1 - RECENT_TICKS) ?? snapshots[0]!, last),
      eventLoopP99Ms: Number.isFinite(eventLoopP99Ms) ? eventLoopP99Ms : 0,
      rssBytes,
      uptimeMs: Math.round(process.uptime() * 1000),
      ...(queue.consumers && { consumers: queue.consumers() }),
    };
    keep(own);
    feed.publishStats(own);
  }

  function snapshot(): Snapshot {
    const { sync, async: accepting } = metrics.read();
    const { paid, declined, expired, failedAttempts, unanswered } = payments.stats;
    const { user, system } = process.cpuUsage();
    return {
      atMs: performance.now(),
      counts: {
        syncAttempts: sync.attempts,
        asyncAttempts: accepting.attempts,
        reserved: sync.reserved + worker.stats.reserved,
        refused: sync.refused + worker.stats.refused + intake.stats.soldOut,
        accepted: intake.stats.accepted,
        confirmed: worker.stats.reserved + worker.stats.refused + intake.stats.soldOut,
        paid,
        declined,
        expired,
        paymentFailures: failedAttempts + unanswered,
      },
      times: {
        sync: countsOf(sync.latencies),
        async: countsOf(accepting.latencies),
        confirm: countsOf(metrics.confirmTimes),
      },
      cpuMicros: user + system,
    };
  }

  function now(): AgedStats[] {
    const nowMs = performance.now();
    for (const [name, { atMs }] of latest) if (nowMs - atMs > FORGET_AFTER_MS) latest.delete(name);
    return [...latest.values()].map(({ stats, atMs }) => ({ stats, ageMs: Math.round(nowMs - atMs) }));
  }

  return {
    now,
    start() {
      delays.enable();
      snapshots.push(snapshot());
      timer = setInterval(publish, everyMs).unref();
    },
    consumersElsewhere() {
      return now()
        .filter(({ stats, ageMs }) => stats.instance !== instance && ageMs <= CONSUMERS_MS_MAX)
        .map(({ stats }) => stats.consumers ?? {});
    },
    close() {
      clearInterval(timer);
      delays.disable();
      unsubscribe();
    },
  };
}

/** Null while the process has no free file descriptor because of its connections: a throw would end the process. */
function readRss(): number | null {
  try {
    return process.memoryUsage().rss;
  } catch {
    return null;
  }
}

function countsOf(latencies: Latencies): readonly number[] {
  return latencies.read().cumulative;
}

function between(first: Snapshot, last: Snapshot): WindowStats {
  const windowMs = Math.max(1, Math.round(last.atMs - first.atMs));
  const rate = (name: Rate) => round(((last.counts[name] - first.counts[name]) * 1000) / windowMs);
  const time = (name: keyof Snapshot['times'], share: number) => {
    const counts = last.times[name].map((count, i) => count - first.times[name][i]!);
    return percentileMs(counts, share);
  };
  return {
    windowMs,
    perSecond: Object.fromEntries(RATES.map((name) => [name, rate(name)])) as Record<Rate, number>,
    times: {
      syncP50Ms: time('sync', 0.5),
      syncP99Ms: time('sync', 0.99),
      acceptP99Ms: time('async', 0.99),
      confirmP99Ms: time('confirm', 0.99),
    },
    cpuShare: Math.max(0, round((last.cpuMicros - first.cpuMicros) / 1000 / windowMs)),
  };
}

/** A rate is less exact than three decimal places. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
