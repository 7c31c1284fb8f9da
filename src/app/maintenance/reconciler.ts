import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { Decisions } from '../../ports/decisions.ts';
import type { Gate } from '../../ports/gate.ts';
import type { Queue } from '../../ports/queue.ts';
import type { StockCache } from '../purchase/stock-cache.ts';
import { createCountTask } from './counts.ts';
import { createGateTask } from './gate-truth.ts';
import type { Leader } from './leader.ts';

/**
 * Corrects, once a second, what may have drifted from the ledger unnoticed: gate counters that a crashed process claimed
 * from, and the count of accepted purchases. (The reaper finds overdue holds and lost charges.) One process at a time
 * does it; two would only do it twice.
 */
export interface Reconciler {
  start(): void;
  close(): Promise<void>;
  readonly stats: Readonly<Record<ReconcilerTask, TaskStats>>;
}

export type ReconcilerTask = 'gate' | 'counts';

export interface TaskStats {
  /** Runs done by this process. */
  runs: number;
  /** Products updated in the gate, or the total correction of the count. */
  corrected: number;
  failures: number;
  /** Monotonic time (ms) of the last run here; null before the first. */
  lastRunAtMs: number | null;
  /** True while this process leads the job. */
  leads: boolean;
}

export interface ReconcilerDependencies {
  readonly ledger: Pick<Decisions, 'asyncCounts' | 'countAccepted'>;
  readonly stockCache: Pick<StockCache, 'refreshAll' | 'last'>;
  readonly gate: Pick<Gate, 'update'>;
  readonly monotonicMs: () => number;
  readonly queue: Pick<Queue, 'status'>;
  readonly leader: Pick<Leader, 'isLeader'>;
  readonly log: Log;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;

export function createReconciler(dependencies: ReconcilerDependencies): Reconciler {
  const { leader, log, everyMs = EVERY_MS } = dependencies;
  const tasks = { gate: createGateTask(dependencies), counts: createCountTask(dependencies) };
  const stats: Record<ReconcilerTask, TaskStats> = { gate: newStats(), counts: newStats() };
  function createJob(name: ReconcilerTask) {
    const counts = stats[name];
    async function work(): Promise<void> {
      counts.leads = await leader.isLeader(`reconcile ${name}`);
      if (!counts.leads) return;
      counts.corrected += await tasks[name]();
      counts.runs++;
      counts.lastRunAtMs = performance.now();
    }
    function onFailure(error: unknown): void {
      counts.failures++;
      log.warn({ err: error }, `reconciling the ${name}`);
    }
    return createPeriodic(work, { everyMs, onFailure });
  }

  const jobs = [createJob('gate'), createJob('counts')];
  return {
    start() {
      for (const job of jobs) job.runIn(everyMs);
    },
    stats,
    async close() {
      await Promise.all(jobs.map((job) => job.close()));
    },
  };
}

function newStats(): TaskStats {
  return { runs: 0, corrected: 0, failures: 0, lastRunAtMs: null, leads: false };
}
