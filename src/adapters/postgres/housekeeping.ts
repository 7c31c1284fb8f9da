import { randomBytes, randomInt } from 'node:crypto';
import { AppError } from '../../domain/errors.ts';
import { createProbe } from '../../lib/probe.ts';
import type { AsyncCounts } from '../../ports/decisions.ts';
import type { Note } from '../../ports/housekeeping.ts';
import type { Ledger } from '../../ports/ledger.ts';
import type { Database } from './database.ts';

const COUNT = `
  UPDATE counters SET value = value + CASE name WHEN 'async_queued' THEN $1::bigint ELSE $2::bigint END
  WHERE shard = 0 AND name IN ('async_queued', 'async_by_the_id')`;
const COUNTS = `
  SELECT (sum(value) FILTER (WHERE name IN ('async_queued', 'async_by_the_id')))::bigint AS accepted,
    (sum(value) FILTER (WHERE name IN ('async_decided', 'async_by_the_id')))::bigint AS decided FROM counters`;

const HOLD_LEAD = `
  INSERT INTO leader_leases (job, owner, ends_at) VALUES ($1, $2, pulsecart_now() + $3)
  ON CONFLICT (job) DO UPDATE SET owner = excluded.owner, ends_at = excluded.ends_at
    WHERE leader_leases.owner = excluded.owner OR leader_leases.ends_at <= pulsecart_now()
  RETURNING job`;
const LEAVE_LEAD = 'DELETE FROM leader_leases WHERE job = $1 AND owner = $2';

const MAKE_SECRET = 'INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING';
const READ_SECRET = 'SELECT value FROM secrets WHERE name = $1';

const SET_NOTE = `
  INSERT INTO service_notes (name, at, value) VALUES ($1, pulsecart_now(), $2)
  ON CONFLICT (name) DO UPDATE SET at = excluded.at, value = excluded.value`;
const READ_NOTE = `SELECT value, greatest(0, pulsecart_now() - at) AS "ageMs" FROM service_notes WHERE name = $1`;

/**
 * Writes a row and commits it; and takes the locks of a purchase on its tables, without a row, so that a session that keeps
 * those from being written is noticed. Each process has a row of its own, most likely: one that stands still in the
 * middle of it would hold up the others.
 */
const PROBE = `
  WITH sold AS (UPDATE products SET id = id WHERE false), ordered AS (UPDATE orders SET id = id WHERE false)
  INSERT INTO counters VALUES ('probes', $1, 1)
  ON CONFLICT (name, shard) DO UPDATE SET value = counters.value + 1`;
const PROBE_SHARDS = 64;

/**
 * A database without room goes on writing where there still is some, such as the row of the probe. So what a statement
 * met is believed for a while.
 */
const FULL_MS = 5_000;

/** What is kept of the service as a whole: counts, leader leases, secrets. */
export function createHousekeeping({
  read,
  write,
  lastFullAtMs,
}: Database): Pick<
  Ledger,
  'countAccepted' | 'asyncCounts' | 'holdLead' | 'leaveLead' | 'setNote' | 'note' | 'secret' | 'ping'
> {
  const shard = randomInt(PROBE_SHARDS);
  const probe = createProbe(() => write(PROBE, [shard]));

  return {
    async countAccepted({ queued, decidedByTheId }) {
      await write(COUNT, [queued, decidedByTheId]);
    },

    async asyncCounts() {
      return (await read<AsyncCounts>(COUNTS))[0]!;
    },

    async holdLead(job, owner, forMs) {
      return (await write(HOLD_LEAD, [job, owner, forMs])).length === 1;
    },

    async leaveLead(job, owner) {
      await write(LEAVE_LEAD, [job, owner]);
    },

    async setNote(name, value) {
      await write(SET_NOTE, [name, value]);
    },

    async note(name) {
      return (await read<Note>(READ_NOTE, [name]))[0] ?? null;
    },

    async secret(name, bytes) {
      // Two statements: one alone would not see what another process has put there meanwhile.
      await write(MAKE_SECRET, [name, randomBytes(bytes)]);
      const [row] = await read<{ value: Uint8Array }>(READ_SECRET, [name]);
      return Uint8Array.from(row!.value);
    },

    async ping() {
      if (performance.now() - lastFullAtMs() < FULL_MS) {
        throw new AppError('unavailable', 'PostgreSQL: there was no room on its disk a moment ago.');
      }
      await probe();
    },
  };
}
