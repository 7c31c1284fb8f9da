import { afterAll, beforeAll, expect, test } from 'bun:test';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { sql } from '../../../tests/support/postgres-ledger.ts';
import { NO_LOG } from '../../lib/log.ts';
import { placeOf } from './connection.ts';
import { type Database, openDatabase, TIMEOUTS } from './database.ts';

/** Transactions of several statements: what an operator's step is. */
onDistributedBackends(() => {
  let own: Awaited<ReturnType<typeof ownDatabase>>;
  let database: Database;
  beforeAll(async () => {
    own = await ownDatabase();
    database = openDatabase(placeOf(own.url).connection, 2, TIMEOUTS, NO_LOG);
    await sql(own.url, 'CREATE TABLE things (id integer PRIMARY KEY, n integer NOT NULL)');
    await sql(own.url, 'INSERT INTO things SELECT g, 0 FROM generate_series(1, 9) AS g');
  });
  afterAll(async () => {
    await database.close();
    await own.close();
  });

  const add = 'UPDATE things SET n = n + 1 WHERE id = $1';
  const cutSelf = 'SELECT pg_terminate_backend(pg_backend_pid())';

  async function countOf(id: number): Promise<number> {
    return (await database.read<{ n: number }>('SELECT n FROM things WHERE id = $1', [id]))[0]!.n;
  }

  test('are committed as a whole, or not at all when a statement fails', async () => {
    const answer = await database.transaction(async (query) => {
      await query(add, [1]);
      await query(add, [2]);
      return 'done';
    });
    expect(answer).toBe('done');
    const failed = database.transaction(async (query) => {
      await query(add, [1]);
      await query('INSERT INTO things VALUES (2, NULL)');
    });
    await expect(failed).rejects.toMatchObject({ code: '23502' });
    expect([await countOf(1), await countOf(2)]).toEqual([1, 1]);
  });

  test('let a bug of their work through, and leave nothing of it', async () => {
    const bug = new TypeError('a bug');
    const failed = database.transaction(async (query) => {
      await query(add, [3]);
      throw bug;
    });
    expect(await failed.catch((error) => error)).toBe(bug);
    expect(await countOf(3)).toBe(0);
  });

  test('that are cut before the commit was asked for are `unavailable`, and were not done', async () => {
    const failed = database.transaction(async (query) => {
      await query(add, [4]);
      await query(cutSelf);
    });
    await expect(failed).rejects.toMatchObject({ code: 'unavailable' });
    expect(await countOf(4)).toBe(0);
  });

  test('that are cut while they commit are `outcome_unknown`', async () => {
    await sql(
      own.url,
      `CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'`,
    );
    await sql(
      own.url,
      `CREATE CONSTRAINT TRIGGER cut AFTER UPDATE ON things DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW WHEN (new.id = 5) EXECUTE FUNCTION cut()`,
    );
    const failed = database.transaction((query) => query(add, [5]));
    await expect(failed).rejects.toMatchObject({ code: 'outcome_unknown' });
  });

  test('run again after a conflict, and then see what was there', async () => {
    let runs = 0;
    const answer = await database.transaction(async (query) => {
      runs++;
      const rows = await query('SELECT FROM things WHERE id = 10');
      if (rows.length > 0) return 'there';
      await sql(own.url, 'INSERT INTO things VALUES (10, 0)');
      await query('INSERT INTO things VALUES (10, 0)');
      return 'made';
    });
    expect([answer, runs]).toEqual(['there', 2]);
  });

  test('that stand still are ended by the server, so that others get the lock', async () => {
    const frozen = database.transaction(async (query) => {
      await query(add, [6]);
      // Waits for this very lock, and gets it within the 3 s that a buyer has.
      await sql(own.url, add, [6]);
    });
    await expect(frozen).rejects.toMatchObject({ code: 'unavailable' });
    expect(await countOf(6)).toBe(1);
  });
});
