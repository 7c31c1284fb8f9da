import type { History, StoredSample } from '../../ports/history.ts';
import type { Database } from './database.ts';

const KEEP = 'INSERT INTO history (at, rate, strain, figures) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING';

/** The first and the last sample come whatever their slice chooses. */
const CHOSEN = `
  WITH ranked AS MATERIALIZED (
    SELECT at, rate, strain,
      CASE WHEN count(*) OVER () <= $3 THEN at
        ELSE (row_number() OVER (ORDER BY at) - 1) * $4 / count(*) OVER () END AS slice
    FROM history WHERE at BETWEEN $1 AND $2),
  chosen AS (
    (SELECT DISTINCT ON (slice) at FROM ranked ORDER BY slice, rate DESC)
    UNION (SELECT DISTINCT ON (slice) at FROM ranked ORDER BY slice, strain DESC)
    UNION SELECT min(at) FROM ranked UNION SELECT max(at) FROM ranked)
  SELECT at, figures FROM history WHERE at IN (SELECT at FROM chosen) ORDER BY at`;

const COURSE_BEGAN = `
  SELECT max(at) AS at FROM (
    SELECT at, at - lag(at) OVER (ORDER BY at) AS pause FROM history WHERE at <= $1 AND rate > 0) AS busy
  WHERE pause IS NULL OR pause > $2`;

const PRUNE = `
  DELETE FROM history WHERE at IN (SELECT at FROM history
    WHERE at < $1 OR at <= coalesce((SELECT at FROM history ORDER BY at DESC LIMIT 1 OFFSET $2), -1)
    ORDER BY at LIMIT $3)
  RETURNING at`;

/** Samples of what happened. */
export function createHistory({ read, write }: Database): History {
  return {
    async keepSample({ at, rate, strain, figures }) {
      await write(KEEP, [at, rate, strain, figures]);
    },
    samples: (from, to, points) => read<StoredSample>(CHOSEN, [from, to, points, Math.floor(points / 2) - 1]),
    async courseBegan(to, breakMs) {
      return (await read<{ at: number | null }>(COURSE_BEGAN, [to, breakMs]))[0]!.at;
    },
    async pruneSamples(before, countMax, limit) {
      return (await write(PRUNE, [before, countMax, limit])).length;
    },
  };
}
