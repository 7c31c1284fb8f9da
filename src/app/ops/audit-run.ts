import type { AuditEntry } from '../../domain/audit-entry.ts';
import { AppError } from '../../domain/errors.ts';
import type { Verdict } from '../../domain/verdict.ts';
import type { Housekeeping } from '../../ports/housekeeping.ts';

/** Runs the audit for operators, one at a time across all processes. */
export interface AuditRun {
  /** Null while another one runs. Rejects `unavailable` when it could not be carried out. */
  run(entry: AuditEntry): Promise<AuditReport | null>;
  /** Ends one that is under way, and refuses those to come. */
  close(): Promise<void>;
  readonly stats: Readonly<AuditStats>;
}

/** Audits carried out by this process. */
export interface AuditStats {
  passed: number;
  breached: number;
  /** Broken off, or the books could not be read. */
  failed: number;
  /** Verdicts of the last one that did not hold. */
  lastBreaches: number;
}

export interface AuditReport {
  readonly pass: boolean;
  readonly verdicts: readonly Verdict[];
  readonly tookMs: number;
}

export interface AuditRunDependencies {
  readonly ledger: Pick<Housekeeping, 'holdLead' | 'leaveLead' | 'log'>;
  /** Reads and judges the books outside this thread, until aborted. */
  readonly audit: (stop: AbortSignal) => Promise<Pick<AuditReport, 'pass' | 'verdicts'>>;
  /** This process, as the owner of leader leases. */
  readonly owner: string;
  readonly timeoutMs?: number;
}

/** Enough for some ten million orders. The command has no limit. */
export const AUDIT_TIMEOUT_MS = 120_000;
const JOB = 'audit';
/** The lease of an owner that dies outlasts the longest audit by this much. */
const LEASE_GRACE_MS = 5_000;

export function createAuditRun({
  ledger,
  audit,
  owner,
  timeoutMs = AUDIT_TIMEOUT_MS,
}: AuditRunDependencies): AuditRun {
  let stop = new AbortController();
  let running: Promise<AuditReport> | null = null;
  let closed = false;
  const stats: AuditStats = { passed: 0, breached: 0, failed: 0, lastBreaches: 0 };

  function count({ pass, verdicts }: Pick<AuditReport, 'pass' | 'verdicts'>): void {
    stats[pass ? 'passed' : 'breached']++;
    stats.lastBreaches = verdicts.filter((verdict) => !verdict.pass).length;
  }

  async function carryOut(entry: AuditEntry): Promise<AuditReport> {
    const startedAtMs = performance.now();
    const limit = setTimeout(() => stop.abort(), timeoutMs);
    try {
      await ledger.log(entry);
      const { pass, verdicts } = await audit(stop.signal);
      count({ pass, verdicts });
      return { pass, verdicts, tookMs: Math.round(performance.now() - startedAtMs) };
    } catch (error) {
      stats.failed++;
      if (!stop.signal.aborted) throw error;
      throw new AppError('unavailable', 'The audit was stopped: it took too long, or the server is leaving.');
    } finally {
      clearTimeout(limit);
      await ledger.leaveLead(JOB, owner).catch(() => {});
    }
  }

  return {
    async run(entry) {
      if (closed) throw new AppError('unavailable', 'No audit is begun here: the server is leaving.');
      if (running || !(await ledger.holdLead(JOB, owner, timeoutMs + LEASE_GRACE_MS)) || running) return null;
      stop = new AbortController();
      running = carryOut(entry);
      try {
        return await running;
      } finally {
        running = null;
      }
    },
    async close() {
      closed = true;
      stop.abort();
      await running?.catch(() => {});
    },
    stats,
  };
}
