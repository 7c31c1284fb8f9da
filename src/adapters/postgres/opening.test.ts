import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { freePorts } from '../../../bench/services/ports.ts';
import { onDistributedBackends, ownDatabase } from '../../../tests/support/backends.ts';
import { openLedger, sql } from '../../../tests/support/postgres-ledger.ts';
import { AppError } from '../../domain/errors.ts';
import { openPostgresBooks } from './books.ts';
import { unfitness } from './fitness.ts';

const PASSWORD = 'do-not-tell';

onDistributedBackends(() => describe('opening the ledger in PostgreSQL', openings));

function openings(): void {
  let database: Awaited<ReturnType<typeof ownDatabase>>;
  let closeAll: () => Promise<void>;
  beforeAll(async () => {
    database = await ownDatabase();
    closeAll = database.close;
  });
  afterAll(() => closeAll());

  /** The shared server, seen by somebody else or somewhere else. */
  function elsewhere(change: (url: URL) => void): string {
    const url = new URL(database.url);
    url.password = PASSWORD;
    change(url);
    return url.href;
  }

  async function refusalOf(opening: Promise<unknown>): Promise<AppError> {
    const error = await opening.then(
      () => new Error('it was opened'),
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(AppError);
    expect(error.message).not.toContain(PASSWORD);
    expect(error.message).not.toContain('\n');
    return error;
  }

  test('ten instances that start at once on an empty database share one schema', async () => {
    const { url, close } = await ownDatabase();
    const opened = await Promise.all(Array.from({ length: 10 }, () => openLedger(url, { poolSize: 1 })));
    await Promise.all(
      opened.map(({ ledger }) =>
        ledger.addProducts([{ id: 1, name: 'A thing', priceMinor: 1, currency: 'USD', units: 1 }]),
      ),
    );
    expect(await opened[0]!.ledger.products()).toHaveLength(1);
    await Promise.all(opened.map(({ ledger }) => ledger.close()));
    expect(await sql(url, 'SELECT count(*)::integer AS versions FROM pulsecart_schema')).toEqual([
      { versions: 1 },
    ]);
    await close();
  });

  test('a newer schema is left alone', async () => {
    const { url, close } = await ownDatabase();
    await (await openLedger(url)).ledger.close();
    await sql(url, 'UPDATE pulsecart_schema SET version = 99');
    for (const open of [openLedger, openPostgresBooks]) {
      const { code, message } = await refusalOf(open(url));
      expect(code).toBe('unusable_store');
      expect(message).toMatch(
        /has schema 99; this PulseCart knows schemas up to \d+\. Start the newer PulseCart/,
      );
    }
    await close();
  });

  test('books that are not there are not read', async () => {
    const { url, close } = await ownDatabase();
    expect((await refusalOf(openPostgresBooks(url))).message).toContain('There is no PulseCart data in');
    await close();
  });

  test('tables of another program by the same names are not touched', async () => {
    const { url, close } = await ownDatabase();
    await sql(url, 'CREATE TABLE orders (mine text)');
    const { code, message } = await refusalOf(openLedger(url));
    expect([code, message]).toEqual([
      'unusable_store',
      expect.stringContaining('relation "orders" already exists'),
    ]);
    expect(await sql(url, `SELECT to_regclass('products') AS made`)).toEqual([{ made: null }]);
    await close();
  });

  test('whoever may not create tables hears so', async () => {
    await sql(database.url, `CREATE ROLE nobody_${process.pid} LOGIN PASSWORD '${PASSWORD}'`);
    await sql(database.url, 'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    const { code, message } = await refusalOf(
      openLedger(elsewhere((url) => (url.username = `nobody_${process.pid}`))),
    );
    expect([code, message]).toEqual([
      'unusable_store',
      expect.stringContaining('permission denied for schema public'),
    ]);
    await sql(database.url, `DROP ROLE nobody_${process.pid}`);
  });

  test('a wrong password is said, and not which', async () => {
    const role = `guarded_${process.pid}`;
    await sql(database.url, `CREATE ROLE ${role} LOGIN PASSWORD 'another'`);
    const [{ file, rules }] = (await sql<{ file: string; rules: string }>(
      database.url,
      `SELECT current_setting('hba_file') AS file, pg_read_file(current_setting('hba_file')) AS rules`,
    )) as [{ file: string; rules: string }];
    const rewrite = async (text: string) => {
      // COPY doubles nothing but backslashes, of which these rules have none.
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => `('${line.replaceAll("'", "''")}')`);
      await sql(database.url, `COPY (SELECT * FROM (VALUES ${lines.join()}) AS l) TO '${file}'`);
      await sql(database.url, 'SELECT pg_reload_conf()');
    };
    await rewrite(`host all ${role} 127.0.0.1/32 scram-sha-256\n${rules}`);
    try {
      const url = elsewhere((to) => (to.username = role));
      const { code, message } = await refusalOf(openLedger(url));
      expect([code, message]).toEqual([
        'unusable_store',
        expect.stringContaining(`password authentication failed for user "${role}"`),
      ]);
    } finally {
      await rewrite(rules);
      await sql(database.url, `DROP ROLE ${role}`);
    }
  });

  test('nobody there, no such host and no such database are told apart from each other', async () => {
    const [port] = await freePorts(1);
    const nobody = await refusalOf(openLedger(elsewhere((url) => (url.port = String(port)))));
    expect([nobody.code, nobody.message]).toEqual([
      'unavailable',
      expect.stringContaining(`127.0.0.1:${port}`),
    ]);
    const host = await refusalOf(openLedger(elsewhere((url) => (url.hostname = 'no-such-host.invalid'))));
    expect([host.code, host.message]).toEqual([
      'unavailable',
      expect.stringContaining('no-such-host.invalid'),
    ]);
    const missing = await refusalOf(openLedger(elsewhere((url) => (url.pathname = '/not_there'))));
    expect([missing.code, missing.message]).toEqual([
      'unusable_store',
      expect.stringContaining('database "not_there" does not exist'),
    ]);
  });

  test.each([
    'mysql://me:do-not-tell@127.0.0.1/shop',
    'postgres://me:do-not-tell@:nonsense',
    'do-not-tell',
    '',
  ])('what is no address of PostgreSQL is refused (%#)', async (url) => {
    const { code, message } = await refusalOf(openLedger(url));
    expect([code, message]).toEqual([
      'unusable_store',
      expect.stringContaining('postgres://user:password@host'),
    ]);
  });

  test('a database that may lose what it committed is refused unless that was asked for', async () => {
    const { url, close } = await ownDatabase();
    const name = new URL(url).pathname.slice(1);
    await sql(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
    const { code, message } = await refusalOf(openLedger(url));
    expect([code, message]).toEqual(['unusable_store', expect.stringContaining('synchronous_commit is off')]);
    const { ledger } = await openLedger(url, { allowUnsafeDurability: true });
    await ledger.ping();
    await ledger.close();
    await close();
  });
}

describe('a server is fit', () => {
  const fit = {
    version: 15,
    encoding: 'UTF8',
    isolation: 'read committed',
    fsync: 'on',
    synchronousCommit: 'on',
    standby: false,
  };

  test('when it is new enough, keeps what it commits, and takes any name', () => {
    expect(unfitness(fit, false)).toBeNull();
    expect(unfitness({ ...fit, version: 18, synchronousCommit: 'remote_apply' }, false)).toBeNull();
  });

  test.each([
    [{ version: 14 }, 'version 14'],
    [{ encoding: 'LATIN1' }, 'LATIN1'],
    [{ isolation: 'serializable' }, 'serializable'],
    [{ standby: true }, 'standby'],
    [{ fsync: 'off' }, 'fsync is off'],
  ])('and otherwise says why not: %o', (change, reason) => {
    expect(unfitness({ ...fit, ...change }, false)).toContain(reason);
  });
});
