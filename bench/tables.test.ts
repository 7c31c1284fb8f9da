import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { distributedBackends, ownDatabase } from '../tests/support/backends.ts';
import { temporaryFolder } from '../tests/support/folder.ts';
import { dumpTables, runStatement } from './tables.ts';

test.skipIf(!distributedBackends)('every table is written down, row by row, however long it is', async () => {
  using folder = temporaryFolder();
  const { url, close } = await ownDatabase();
  try {
    await runStatement(
      url,
      `CREATE TABLE long AS SELECT n, 'line ' || n AS words FROM generate_series(1, 25000) AS n;
       CREATE TABLE "Odd name" (at uuid); INSERT INTO "Odd name" VALUES (NULL);
       CREATE TABLE empty (id bigint)`,
    );
    await dumpTables(url, folder.path);
    const lines = (name: string) => readFileSync(join(folder.path, name), 'utf8').split('\n').slice(0, -1);
    expect(readdirSync(folder.path).toSorted()).toEqual(['Odd name.jsonl', 'empty.jsonl', 'long.jsonl']);
    expect(lines('Odd name.jsonl')).toEqual(['{"at":null}']);
    expect(lines('empty.jsonl')).toEqual([]);
    const rows = lines('long.jsonl').map((line) => JSON.parse(line));
    expect(rows).toHaveLength(25_000);
    expect(rows.at(-1)).toEqual({ n: 25_000, words: 'line 25000' });
  } finally {
    await close();
  }
});
