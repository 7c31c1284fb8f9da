import type { Ledger } from '../../ports/ledger.ts';
import type { Queue } from '../../ports/queue.ts';

/** Idle runs before a difference counts as an error rather than as work in progress. */
const RUNS_AT_REST = 5;

/**
 * Corrects the count of accepted purchases once the queue is empty: then every accepted purchase was decided or
 * dead-lettered. A process that died before it reported its last moments, or a lost confirm, leaves the count too low; a
 * message that was published twice makes it too high. Returns the correction.
 */
export function createCountTask({
  ledger,
  queue,
}: {
  readonly ledger: Pick<Ledger, 'asyncCounts' | 'countAccepted'>;
  readonly queue: Pick<Queue, 'status'>;
}): () => Promise<number> {
  let last = '';
  let runsAtRest = 0;

  return async () => {
    const { accepted, decided } = await ledger.asyncCounts();
    const purchases = (await queue.status()).find(({ name }) => name === 'purchases');
    if (!purchases || purchases.ready + purchases.unacknowledged > 0) {
      last = '';
      return 0;
    }
    const deadLettered = purchases.deadLetters.count;
    const now = `${accepted} ${decided} ${deadLettered}`;
    runsAtRest = now === last ? runsAtRest + 1 : 0;
    last = now;
    const missing = decided + deadLettered - accepted;
    if (missing === 0 || runsAtRest < RUNS_AT_REST) return 0;
    await ledger.countAccepted({ queued: missing, decidedByTheId: 0 });
    return Math.abs(missing);
  };
}
