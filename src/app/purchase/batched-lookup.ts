import { createBatchedCalls } from '../../lib/batch.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Found } from '../../ports/queries.ts';

/** Looks purchases up for many readers with few queries: calls during a query are batched into the next. */
export type BatchedLookup = (purchaseId: string) => Promise<Found | undefined>;

/** Purchases per query: a few milliseconds of the ledger's time. */
const BATCH_MAX = 512;
/** One query is sent while another is answered. More would take connections from purchases. */
const IN_FLIGHT_MAX = 2;

export function createBatchedLookup(ledger: Pick<Ledger, 'find'>): BatchedLookup {
  const options = { itemsMax: BATCH_MAX, lingerMs: 0, batchesMax: IN_FLIGHT_MAX };
  return createBatchedCalls<string, Found | undefined>(options, async (ids) => {
    const found = await ledger.find([...new Set(ids)]);
    return ids.map((id) => found.get(id));
  }).call;
}
