import type { Database } from 'bun:sqlite';
import { lowestIdAt } from '../../../domain/ids.ts';
import { EVENTS_KEPT_MS, type PruneBefore, type Pruned } from '../../../ports/housekeeping.ts';

/** What is forgotten after its time. Must run inside one immediate transaction. */
export function createRetention(db: Database): (before: PruneBefore, limit: number, now: number) => Pruned {
  // Ids begin with their time, so what is older than a moment is the front of a table.
  const outcomes = db.prepare<{ sync: number }, [string, number]>(
    `DELETE FROM outcomes WHERE purchase_id IN
       (SELECT purchase_id FROM outcomes WHERE purchase_id < ? ORDER BY purchase_id LIMIT ?) RETURNING sync`,
  );
  const attempts = db.prepare(
    `DELETE FROM attempts WHERE purchase_id IN (SELECT purchase_id FROM attempts
       WHERE purchase_id < ? AND needs_attention = 0 ORDER BY purchase_id LIMIT ?)`,
  );
  // A purchase that waits for an operator has not ended, and its key must go on leading to it.
  const keys = db.prepare(
    `DELETE FROM keys WHERE (scope, value) IN (SELECT scope, value FROM keys k
       WHERE accepted_at < ? AND NOT EXISTS
         (SELECT 1 FROM attempts a WHERE a.purchase_id = k.purchase_id AND a.needs_attention = 1)
       ORDER BY accepted_at LIMIT ?)`,
  );
  const auditEntries = db.prepare(
    'DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE id < ? ORDER BY id LIMIT ?)',
  );
  const events = db.prepare(
    'DELETE FROM provider_events WHERE id IN (SELECT id FROM provider_events WHERE at < ? AND open = 0 ORDER BY at LIMIT ?)',
  );
  const count = db.prepare("UPDATE counters SET value = value + ? WHERE name = 'async_pruned'");

  return (before, limit, now) => {
    const oldest = lowestIdAt(before.outcomes);
    const oldOutcomes = outcomes.all(oldest, limit);
    const pruned = {
      outcomes: oldOutcomes.length,
      keys: keys.run(before.keys, limit).changes,
      auditEntries: auditEntries.run(lowestIdAt(before.auditEntries), limit).changes,
    };
    attempts.run(oldest, limit);
    events.run(now - EVENTS_KEPT_MS, limit);
    const ofAsync = oldOutcomes.filter(({ sync }) => sync === 0).length;
    if (ofAsync > 0) count.run(ofAsync);
    return pruned;
  };
}
