import type { Database } from 'bun:sqlite';
import type { NewSample, StoredSample } from '../../../ports/history.ts';

const COUNT = 'SELECT count(*) AS count FROM history WHERE at BETWEEN ? AND ?';

const ALL = 'SELECT at, figures FROM history WHERE at BETWEEN ? AND ? ORDER BY at';

/** With MAX a bare column is of the row that has it. The first and the last sample come whatever their slice chooses. */
const CHOSEN = `
  WITH ranked AS MATERIALIZED (
    SELECT at, rate, strain, (row_number() OVER (ORDER BY at) - 1) * ?4 / ?3 AS slice
    FROM history WHERE at BETWEEN ?1 AND ?2),
  chosen AS (
    SELECT at FROM (SELECT at, max(rate) FROM ranked GROUP BY slice)
    UNION SELECT at FROM (SELECT at, max(strain) FROM ranked GROUP BY slice)
    UNION SELECT min(at) FROM ranked UNION SELECT max(at) FROM ranked)
  SELECT at, figures FROM history WHERE at IN (SELECT at FROM chosen) ORDER BY at`;

const COURSE_BEGAN = `
  SELECT max(at) AS at FROM (
    SELECT at, at - lag(at) OVER (ORDER BY at) AS pause FROM history WHERE at <= ? AND rate > 0)
  WHERE pause IS NULL OR pause > ?`;

const PRUNE = `
  DELETE FROM history WHERE at IN (SELECT at FROM history
    WHERE at < ?1 OR at <= coalesce((SELECT at FROM history ORDER BY at DESC LIMIT 1 OFFSET ?2), -1)
    ORDER BY at LIMIT ?3)`;

/** Samples of what happened. Those that write must run inside a transaction. */
export function createHistory(db: Database) {
  const insert = db.prepare('INSERT INTO history VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
  const count = db.prepare<{ count: number }, [number, number]>(COUNT);
  const all = db.prepare<StoredSample, [number, number]>(ALL);
  const chosen = db.prepare<StoredSample, [number, number, number, number]>(CHOSEN);
  const began = db.prepare<{ at: number | null }, [number, number]>(COURSE_BEGAN);
  const prune = db.prepare(PRUNE);

  return {
    keep: ({ at, rate, strain, figures }: NewSample) => void insert.run(at, rate, strain, figures),
    samples(from: number, to: number, points: number) {
      const there = count.get(from, to)!.count;
      return there <= points ? all.all(from, to) : chosen.all(from, to, there, Math.floor(points / 2) - 1);
    },
    courseBegan: (to: number, breakMs: number) => began.get(to, breakMs)!.at,
    prune: (before: number, countMax: number, limit: number) => prune.run(before, countMax, limit).changes,
  };
}
