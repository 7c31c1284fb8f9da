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
  let queued = 0;
  let decidedByTheId = 0;
  let timer: Timer | undefined;
  let telling: Promise<void> | undefined;

  function add(count: Partial<AcceptedCount>): void {
    queued += count.queued ?? 0;
    decidedByTheId += count.decidedByTheId ?? 0;
    if (!telling) timer ??= setTimeout(tell, TELL_EVERY_MS);
  }

  function tell(): void {
    timer = undefined;
    const count = { queued, decidedByTheId };
    queued = decidedByTheId = 0;
    telling = ledger
      .countAccepted(count)
      // Perhaps counted: it is added again, because a count too high shows itself once the queue is empty.
      .catch(() => add(count))
      .finally(() => {
        telling = undefined;
        if (queued !== 0 || decidedByTheId !== 0) timer ??= setTimeout(tell, TELL_EVERY_MS);
      });
  }

  return {
    add,
    async close() {
      clearTimeout(timer);
      await telling;
      clearTimeout(timer);
      if (queued !== 0 || decidedByTheId !== 0) tell();
      await telling;
      clearTimeout(timer);
    },
  };
}
