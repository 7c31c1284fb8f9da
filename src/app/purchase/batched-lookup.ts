import type { Ledger } from '../../ports/ledger.ts';
import type { Found } from '../../ports/queries.ts';

/** Looks purchases up for many readers with few queries: calls during a query are batched into the next. */
export type BatchedLookup = (purchaseId: string) => Promise<Found | undefined>;

/** Purchases per query: a few milliseconds of the ledger's time. */
const BATCH_MAX = 512;
/** One query is sent while another is answered. More would take connections from purchases. */
const IN_FLIGHT_MAX = 2;

export function createBatchedLookup(ledger: Pick<Ledger, 'find'>): BatchedLookup {
  const waiting: { id: string; resolve(found: Found | undefined): void; reject(error: unknown): void }[] = [];
  let inFlight = 0;

  async function ask(): Promise<void> {
    const batch = waiting.splice(0, BATCH_MAX);
    inFlight++;
    try {
      const found = await ledger.find([...new Set(batch.map(({ id }) => id))]);
      for (const { id, resolve } of batch) resolve(found.get(id));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    inFlight--;
    if (waiting.length > 0) void ask();
  }

  return (id) =>
    new Promise((resolve, reject) => {
      waiting.push({ id, resolve, reject });
      if (inFlight < IN_FLIGHT_MAX) void ask();
    });
}
