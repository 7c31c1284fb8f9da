import type { Housekeeping } from '../../ports/housekeeping.ts';

/** Leader leases: one process at a time does each job. Two leaders break nothing; the job is only done twice. */
export interface Leader {
  /** True when this process leads the job now. Without an answer from the ledger no process leads. */
  isLeader(job: string): Promise<boolean>;
  /** Releases the leases, so that other processes need not wait for their end. */
  close(): Promise<void>;
}

/** An owner that died is replaced after this long. Several runs of a job, so that a slow one does not lose its lease. */
const LEASE_MS = 5_000;

export function createLeader(ledger: Pick<Housekeeping, 'holdLead' | 'leaveLead'>, owner: string): Leader {
  const led = new Set<string>();

  return {
    async isLeader(job) {
      const leads = await ledger.holdLead(job, owner, LEASE_MS);
      if (leads) led.add(job);
      else led.delete(job);
      return leads;
    },
    async close() {
      // A lease that cannot be released now expires.
      await Promise.allSettled([...led].map((job) => ledger.leaveLead(job, owner)));
      led.clear();
    },
  };
}
