import { lowestIdAt } from '../../domain/ids.ts';
import { EVENTS_KEPT_MS, type Pruned } from '../../ports/housekeeping.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Database } from './database.ts';

/**
 * Ids begin with their time, so what is older than a moment is the front of an index. Rows that are locked are left
 * for the next time, so no other transaction waits for this, and it waits for none. A purchase that waits for an operator has not ended:
 * its attempts stay, and its key goes on leading to it.
 */
const PRUNE = `
  WITH old_outcomes AS (
    DELETE FROM outcomes WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM outcomes WHERE purchase_id < $1::uuid ORDER BY purchase_id LIMIT $4 FOR UPDATE SKIP LOCKED))
    RETURNING sync),
  old_key_refusals AS (
    DELETE FROM key_refusals WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM key_refusals WHERE decided_at < pulsecart_now() - $5 ORDER BY decided_at LIMIT $4
      FOR UPDATE SKIP LOCKED))),
  old_attempts AS (
    DELETE FROM attempts WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM attempts WHERE purchase_id < $1::uuid AND NOT needs_attention
      ORDER BY purchase_id LIMIT $4 FOR UPDATE SKIP LOCKED))),
  old_keys AS (
    DELETE FROM keys WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM keys k WHERE accepted_at < $2 AND NOT EXISTS
        (SELECT FROM attempts a WHERE a.purchase_id = k.purchase_id AND a.needs_attention)
      ORDER BY accepted_at LIMIT $4 FOR UPDATE OF k SKIP LOCKED))
    RETURNING 1),
  old_entries AS (
    DELETE FROM audit_log WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM audit_log WHERE id < $3::uuid ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED))
    RETURNING 1),
  old_events AS (
    DELETE FROM provider_events WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM provider_events WHERE at < pulsecart_now() - $6 AND NOT open ORDER BY at LIMIT $4
      FOR UPDATE SKIP LOCKED))),
  counted AS (
    UPDATE counters SET value = value + (SELECT count(*) FROM old_outcomes WHERE NOT sync)
    WHERE name = 'async_pruned' AND EXISTS (SELECT FROM old_outcomes WHERE NOT sync))
  SELECT (SELECT count(*) FROM old_outcomes) AS outcomes, (SELECT count(*) FROM old_keys) AS keys,
    (SELECT count(*) FROM old_entries) AS "auditEntries"`;

/** Longer than any sync purchase may take to be decided, so that no statement with an earlier request can be on its way. */
const KEY_REFUSALS_KEPT_MS = 120_000;

/** What is forgotten after its time. */
export function createRetention({ write }: Pick<Database, 'write'>): Pick<Ledger, 'prune'> {
  return {
    async prune(before, limit) {
      const [pruned] = await write<Pruned>(PRUNE, [
        lowestIdAt(before.outcomes),
        before.keys,
        lowestIdAt(before.auditEntries),
        limit,
        KEY_REFUSALS_KEPT_MS,
        EVENTS_KEPT_MS,
      ]);
      return pruned!;
    },
  };
}
