import type { KeyBinding } from '../../ports/decisions.ts';
import type { Ledger } from '../../ports/ledger.ts';
import { idArray, numberArray, textArray } from './arrays.ts';
import type { Database } from './database.ts';

const BIND = `
  SELECT purchase_id AS "purchaseId", accepted_at AS "acceptedAt", fingerprint
  FROM pulsecart_bind_keys($1, $2, $3, $4, $5)`;

// In the order of ids, so that two batches that name the same purchases do not wait for each other in a circle.
const COUNT_ATTEMPTS = `
  INSERT INTO attempts (purchase_id, count)
  SELECT id, count(*) FROM unnest($1::uuid[]) AS id GROUP BY id ORDER BY id
  ON CONFLICT (purchase_id) DO UPDATE SET count = attempts.count + excluded.count
  RETURNING purchase_id AS id, count`;

const CONCLUDE = 'SELECT pulsecart_conclude($1, $2, $3)';

const MARK = `
  INSERT INTO attempts (purchase_id, needs_attention)
  SELECT DISTINCT id, $2::boolean FROM unnest($1::uuid[]) AS id ORDER BY id
  ON CONFLICT (purchase_id) DO UPDATE SET needs_attention = $2, count = CASE WHEN $2 THEN attempts.count ELSE 0 END`;

type BoundRow = Omit<KeyBinding, 'key'> & { readonly fingerprint: string };

/** What is kept about purchases on their way to a decision: keys bound to them, attempts to decide them, their end without one. */
export function createKeys({
  write,
}: Pick<Database, 'write'>): Pick<Ledger, 'bindKeys' | 'conclude' | 'countAttempts' | 'markNeedsAttention'> {
  async function bindKeys(bindings: readonly KeyBinding[]): Promise<KeyBinding[]> {
    if (bindings.length === 0) return [];
    const rows = await write<BoundRow>(BIND, [
      idArray(bindings.map(({ purchaseId }) => purchaseId)),
      numberArray(bindings.map(({ acceptedAt }) => acceptedAt)),
      textArray(bindings.map(({ key }) => key.scope)),
      textArray(bindings.map(({ key }) => key.value)),
      textArray(bindings.map(({ key }) => key.fingerprint)),
    ]);
    // A key that was there, and was forgotten after its time before it could be read, is free now.
    if (rows.some(({ purchaseId }) => purchaseId === null)) return bindKeys(bindings);
    return rows.map(({ fingerprint, ...first }, i) => ({
      key: { ...bindings[i]!.key, fingerprint },
      ...first,
    }));
  }

  return {
    bindKeys,

    /** Asked again after an unknown outcome it may count twice: then a purchase that always fails is given up one attempt sooner. */
    async countAttempts(purchaseIds) {
      const rows = await write<{ id: string; count: number }>(COUNT_ATTEMPTS, [idArray(purchaseIds)]);
      const counts = new Map(rows.map(({ id, count }) => [id, count]));
      return purchaseIds.map((id) => counts.get(id)!);
    },

    async conclude({ id, channel, decideBy }) {
      await write(CONCLUDE, [id, channel === 'async', decideBy]);
    },

    async markNeedsAttention(purchaseIds, needsAttention) {
      if (purchaseIds.length > 0) await write(MARK, [idArray(purchaseIds), needsAttention]);
    },
  };
}
