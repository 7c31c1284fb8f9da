import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../domain/clock.ts';
import type { Log } from '../../lib/log.ts';
import { createPeriodic } from '../../lib/periodic.ts';
import type { PruneBefore, Pruned } from '../../ports/housekeeping.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Queue } from '../../ports/queue.ts';
import type { DeadLetters, Note } from '../ops/dead-letters.ts';

/**
 * Prunes, once a minute, what is no longer needed: outcomes, keys and the audit log after their time, and dead
 * letters, whose purchases end by that. One process at a time does it; two would only get in each other's way.
 */
export interface Retention {
  start(): void;
  close(): Promise<void>;
  readonly stats: Readonly<RetentionStats>;
}

export interface RetentionStats extends Record<keyof Pruned, number> {
  deadLetters: number;
  /** Runs ended by an error. */
  failures: number;
}

export interface RetentionDependencies {
  readonly ledger: Pick<Ledger, 'prune'>;
  readonly queue: Pick<Queue, 'status'>;
  readonly deadLetters: Pick<DeadLetters, 'discard'>;
  readonly clock: Clock;
  readonly keep: {
    readonly outcomesMs: number;
    readonly keysMs: number;
    readonly auditLogMs: number;
    readonly deadLettersMs: number;
  };
  readonly isLeader: (job: string) => Promise<boolean>;
  readonly log: Log;
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;
/** Rows of each kind per step: some 3 ms of SQLite's one writer thread, in which no purchase is decided. */
const ROWS_MAX = 200;
/** Rest after each step, so that purchases have the writer for most of the time even while millions of rows are pruned. */
const REST_MS = 50;
/** Steps per question for the lease: about two seconds, and a lease lasts for five. */
const STEPS_PER_LEASE = 30;
/**
 * Rows are pruned this much later than their retention says. A purchase may be decided some seconds after its time to
 * live, and until then its key must lead to it.
 */
const GRACE_MS = 60_000;

export function createRetention(dependencies: RetentionDependencies): Retention {
  const { ledger, queue, deadLetters, clock, keep, isLeader, log, everyMs = EVERY_MS } = dependencies;
  const stats: RetentionStats = { outcomes: 0, keys: 0, auditEntries: 0, deadLetters: 0, failures: 0 };
  const stopping = new AbortController();
  const jobs = [
    createPeriodic(prune, { everyMs, onFailure: failed('rows not pruned') }),
    createPeriodic(discardOldLetters, { everyMs, onFailure: failed('old dead letters not discarded') }),
  ];

  function failed(context: string) {
    return (error: unknown) => {
      stats.failures++;
      log.warn({ err: error }, context);
    };
  }

  async function prune(): Promise<void> {
    for (let step = 0; !stopping.signal.aborted; step++) {
      if (step % STEPS_PER_LEASE === 0 && !(await isLeader('forget'))) return;
      const pruned = await ledger.prune(oldest(), ROWS_MAX);
      stats.outcomes += pruned.outcomes;
      stats.keys += pruned.keys;
      stats.auditEntries += pruned.auditEntries;
      if (Object.values(pruned).every((rows) => rows < ROWS_MAX)) return;
      await sleep(REST_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  function oldest(): PruneBefore {
    const now = clock() - GRACE_MS;
    return {
      outcomes: now - keep.outcomesMs,
      keys: now - keep.keysMs,
      auditEntries: now - keep.auditLogMs,
    };
  }

  async function discardOldLetters(): Promise<void> {
    for (const { name, deadLetters: figures } of await queue.status()) {
      // Reading dead letters is work for a broker, so they are read only when the oldest is old enough.
      if (figures.oldestAgeMs <= keep.deadLettersMs) continue;
      if (!(await isLeader('discard dead letters'))) return;
      const choice = { queue: name, deadBefore: clock() - keep.deadLettersMs };
      stats.deadLetters += (await deadLetters.discard(choice, noteOf(keep.deadLettersMs))).letters;
    }
  }

  return {
    stats,
    start() {
      for (const job of jobs) job.runIn(everyMs);
    },
    async close() {
      stopping.abort();
      await Promise.all(jobs.map((job) => job.close()));
    },
  };
}

function noteOf(keptMs: number): Note {
  const reason = `older than ${keptMs / 3_600_000} hours`;
  return (action, subject, details) => ({
    id: Bun.randomUUIDv7(),
    actor: 'system',
    action,
    subject,
    reason,
    details,
  });
}
