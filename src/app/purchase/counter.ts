import { createPeriodic } from '../../lib/periodic.ts';
import type { AcceptedCount } from '../../ports/decisions.ts';
import type { Ledger } from '../../ports/ledger.ts';

/** Counts accepted async purchases and adds the count to the ledger's at intervals, so that operators see one total. */
export interface Counter {
  add(count: Partial<AcceptedCount>): void;
  /** Reports the rest. */
  close(): Promise<void>;
}

/** At most four small commits a second; a crash loses no more of the count than this interval. */
const TELL_EVERY_MS = 250;

export function createCounter(ledger: Pick<Ledger, 'countAccepted'>): Counter {
  const untold = { queued: 0, decidedByTheId: 0 };
  const job = createPeriodic(tell, { retryMs: TELL_EVERY_MS, onFailure() {} });

  /** What failed was perhaps counted: it is told again, because a count too high shows itself once the queue is empty. */
  async function tell(): Promise<void> {
    const count = { ...untold };
    await ledger.countAccepted(count);
    untold.queued -= count.queued;
    untold.decidedByTheId -= count.decidedByTheId;
  }

  return {
    add({ queued = 0, decidedByTheId = 0 }) {
      untold.queued += queued;
      untold.decidedByTheId += decidedByTheId;
      job.runIn(TELL_EVERY_MS);
    },
    async close() {
      await job.close();
      if (untold.queued !== 0 || untold.decidedByTheId !== 0) await tell().catch(() => {});
    },
  };
}
