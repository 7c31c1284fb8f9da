import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { distributedBackends } from '../support/backends.ts';
import { MAIN, ROOT, runPulsecart, runToEnd } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { sql } from '../support/postgres-ledger.ts';
import { type EmbeddedShop, openShop, type Shop } from '../support/shop.ts';
import { whyNoStrace } from '../support/strace.ts';
import { until } from '../support/until.ts';

/** `pulsecart reset`: everything of ours goes, nothing else does, and never under a server. */

/** Servers are started several times, on a machine that runs other tests beside it. */
const SEVERAL_STARTS_MS = 120_000;

describe('a reset of a data folder', () => {
  test('leads back to a first start, and leaves what is not ours', async () => {
    await using shop = await openShop();
    await useIt(shop);
    await shop.server.stop();
    writeFileSync(join(shop.folder, 'notes.txt'), 'somebody’s');
    const { exit, stdout, stderr } = await reset(shop, '--json');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(JSON.parse(stdout).deleted).toContainEqual({ what: 'orders', count: 3 });
    expect(readdirSync(shop.folder).filter((name) => !name.startsWith('pulsecart.lock'))).toEqual([
      'notes.txt',
    ]);
    await expectFirstStart(shop);
  });

  test('deletes what a killed server had in its log only', async () => {
    await using shop = await openShop();
    await useIt(shop);
    await shop.server.kill();
    expect((await reset(shop)).stdout).toMatch(/ 3 {2}orders\n/);
    await expectFirstStart(shop);
  });

  test('beside its server is refused, and the server goes on selling', async () => {
    await using shop = await openShop();
    const { exit, stderr } = await reset(shop);
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: `pulsecart: Another PulseCart process is using the data folder ${shop.folder}.\n`,
    });
    expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
  });

  test('that nobody can be asked about needs --yes, and in production mode --force', async () => {
    await using shop = await openShop();
    await shop.server.stop();
    const before = hashOf(shop);
    const args = ['reset', '--data', shop.folder];
    expect(await runPulsecart(args)).toMatchObject({ exit: 2, stderr: expect.stringContaining('Add --yes') });
    const production = {
      PULSECART_MODE: 'production',
      PULSECART_OPERATOR_TOKEN: 'sixteen characters',
      PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
    };
    expect(await runPulsecart([...args, '--yes'], production)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('Add --force'),
    });
    expect(hashOf(shop)).toBe(before);
    expect(await runPulsecart([...args, '--yes', '--force'], production)).toMatchObject({ exit: 0 });
  });

  test('that is named is meant, whatever backends the variables name', async () => {
    await using shop = await openShop();
    await shop.server.stop();
    const elsewhere = {
      DATABASE_URL: 'postgres://127.0.0.1:1/shop',
      REDIS_URL: 'redis://127.0.0.1:2',
      RABBITMQ_URL: 'amqp://127.0.0.1:3',
    };
    const { exit, stdout } = await runPulsecart(['reset', '--data', shop.folder, '--yes'], elsewhere);
    expect({ exit, stdout }).toMatchObject({ exit: 0, stdout: expect.stringContaining(shop.folder) });
    expect(existsSync(join(shop.folder, 'pulsecart.db'))).toBe(false);
  });

  test('where nothing is makes nothing', async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    const { exit, stdout } = await runPulsecart(['reset', '--data', data, '--yes']);
    expect({ exit, stdout }).toEqual({
      exit: 0,
      stdout: `  There is nothing to delete in the folder ${data}.\n`,
    });
    expect(existsSync(data)).toBe(false);
  });

  test('takes a damaged database away, too', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'pulsecart.db'), 'no database\n'.repeat(1000));
    const { exit, stdout } = await runPulsecart(['reset', '--data', folder.path, '--yes']);
    expect({ exit, stdout }).toMatchObject({ exit: 0, stdout: expect.stringContaining('cannot be counted') });
    expect(existsSync(join(folder.path, 'pulsecart.db'))).toBe(false);
  });

  const deletions = [
    { what: 'the database', file: '', isLeft: true },
    { what: 'the log', file: '-wal', isLeft: false },
    { what: 'the index of the log', file: '-shm', isLeft: false },
  ];
  test.skipIf(whyNoStrace !== null).each(deletions)(
    'killed when it is about to delete $what leaves all or nothing, and running it again finishes',
    async ({ file, isLeft }) => {
      await using shop = await openShop();
      await useIt(shop);
      await shop.server.kill();
      expect(statSync(join(shop.folder, 'pulsecart.db-wal')).size).toBeGreaterThan(0);
      const deleting = 'unlink,unlinkat';
      const killed = await runToEnd([
        ...['strace', '-f', '-o', '/dev/null', '-P', join(shop.folder, `pulsecart.db${file}`)],
        ...['-e', `trace=${deleting}`, '-e', `inject=${deleting}:signal=SIGKILL`],
        ...command('reset', '--data', shop.folder, '--yes'),
      ]);
      expect(killed.exit).toBe('SIGKILL');
      expect(existsSync(join(shop.folder, 'pulsecart.db'))).toBe(isLeft);
      if (isLeft) {
        await shop.restart();
        expect((await shop.readBooks()).breaches).toEqual([]);
        expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(998);
      } else await expectFirstStart(shop);
      await shop.server.kill();
      expect((await reset(shop)).exit).toBe(0);
      await expectFirstStart(shop);
    },
    SEVERAL_STARTS_MS,
  );

  test('asks on a terminal, and only a yes is one', async () => {
    await using shop = await openShop();
    await shop.server.stop();
    const before = hashOf(shop);
    const no = await answering(shop.folder, 'n');
    expect(no.shown).toMatch(/5 {2}products[\s\S]*Type "yes"[\s\S]*Nothing was deleted/);
    expect({ exit: no.exit, hash: hashOf(shop) }).toEqual({ exit: 1, hash: before });
    expect(await answering(shop.folder, 'yes')).toMatchObject({ exit: 0 });
    expect(existsSync(join(shop.folder, 'pulsecart.db'))).toBe(false);
  });

  test('is what scripts/reset-database.sh does', async () => {
    await using shop = await openShop();
    await shop.server.stop();
    const script = join(ROOT, 'scripts', 'reset-database.sh');
    expect(await runToEnd([script, '--data', shop.folder, '--yes'])).toMatchObject({ exit: 0, stderr: '' });
    expect(existsSync(join(shop.folder, 'pulsecart.db'))).toBe(false);
    const bat = readFileSync(join(ROOT, 'scripts', 'reset-database.bat'), 'utf8');
    expect(bat.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(bat).toContain('pulsecart.mjs" reset %*');
  });

  function reset(shop: EmbeddedShop, ...args: string[]) {
    return runPulsecart(['reset', '--data', shop.folder, '--yes', ...args]);
  }

  function hashOf(shop: EmbeddedShop) {
    return Bun.hash(readFileSync(join(shop.folder, 'pulsecart.db')));
  }

  async function answering(folder: string, answer: string) {
    let shown = '';
    const child = Bun.spawn(command('reset', '--data', folder), {
      terminal: {
        data(_, bytes) {
          shown += new TextDecoder().decode(bytes);
        },
      },
    });
    await until(() => shown.includes('Type "yes"'), SEVERAL_STARTS_MS);
    child.terminal!.write(`${answer}\n`);
    const exit = await child.exited;
    child.terminal!.close();
    return { exit, shown };
  }
});

describe.skipIf(!distributedBackends)('a reset of the distributed backends', () => {
  test(
    'leads back to a first start, leaves what is not ours, and is refused while a server runs',
    async () => {
      await using shop = await openDistributedShop({ workers: 1 });
      await useIt(shop);
      await sql(shop.databaseUrl, 'CREATE TABLE notes (text text)');
      const refused = await reset(shop.env);
      expect(refused).toMatchObject({
        exit: 1,
        stderr: expect.stringMatching(
          /^pulsecart: A PulseCart process \(\d+ on .*\) is using the PostgreSQL/,
        ),
      });
      expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
      await Promise.all([shop.server.stop(), shop.workers[0]!.stop()]);

      const { exit, stdout, stderr } = await reset(shop.env, '--json');
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(JSON.parse(stdout).deleted).toContainEqual({ what: 'orders', count: 4 });
      expect(await leftIn(shop)).toEqual({ database: ['notes'], queues: [], keys: [] });
      expect(await reset(shop.env)).toMatchObject({ exit: 0, stdout: expect.stringContaining('nothing to') });
      await expectFirstStart(shop);
    },
    SEVERAL_STARTS_MS,
  );

  test(
    'that was killed half-way leaves a service that starts, and running it again finishes',
    async () => {
      await using shop = await openDistributedShop();
      await useIt(shop);
      await shop.server.stop();
      const { database } = await leftIn(shop);
      {
        // It comes to the tables last, and has to wait for whoever reads them.
        await using _reader = await reading(shop.databaseUrl);
        const child = Bun.spawn(command('reset', '--yes'), {
          env: { ...process.env, ...shop.env },
          stdout: 'ignore',
        });
        const waiting =
          'SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database WHERE NOT granted AND datname = current_database()';
        await until(async () => (await sql(shop.databaseUrl, waiting)).length > 0, 30_000);
        child.kill('SIGKILL');
        await child.exited;
        expect(child.signalCode).toBe('SIGKILL');
      }
      expect(await leftIn(shop)).toEqual({ database, queues: [], keys: [] });
      await shop.restart();
      expect((await shop.buy('sync', { productId: 2, quantity: 1 })).status).toBe(200);
      await shop.server.stop();
      expect((await reset(shop.env)).exit).toBe(0);
      expect(await leftIn(shop)).toEqual({ database: [], queues: [], keys: [] });
      await expectFirstStart(shop);
    },
    SEVERAL_STARTS_MS,
  );

  test('of a database that was never ours touches nothing in it', async () => {
    await using shop = await openDistributedShop();
    await shop.server.stop();
    expect((await reset(shop.env)).exit).toBe(0);
    await sql(shop.databaseUrl, 'CREATE TABLE orders (mine text)');
    expect((await reset(shop.env)).exit).toBe(0);
    expect((await leftIn(shop)).database).toEqual(['orders']);
  });

  function reset(env: Record<string, string>, ...args: string[]) {
    return runPulsecart(['reset', '--yes', ...args], env);
  }

  /** What is in the database's schema, and of the namespace at broker and gate. */
  async function leftIn({ env, databaseUrl }: { env: Record<string, string>; databaseUrl: string }) {
    const named = await sql<{ name: string }>(
      databaseUrl,
      `SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'v', 'm', 'S')
       UNION SELECT proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
       UNION SELECT typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd')`,
    );
    const redis = new Redis(env.REDIS_URL!);
    const keys = await redis.keys(`${env.PULSECART_NAMESPACE}:*`);
    redis.disconnect();
    return { database: named.map(({ name }) => name).sort(), queues: await queuesOf(env), keys };
  }

  async function reading(url: string): Promise<AsyncDisposable> {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query('BEGIN; LOCK TABLE orders IN ACCESS SHARE MODE');
    return { [Symbol.asyncDispose]: () => client.end() };
  }

  async function queuesOf({ RABBITMQ_URL, PULSECART_NAMESPACE }: Record<string, string>): Promise<string[]> {
    const names = ['purchases', 'payments'].flatMap((name) =>
      ['', '.dead', '.wait-200ms', '.wait-1000ms', '.wait-5000ms', '.wait-30000ms'].map(
        (end) => `${PULSECART_NAMESPACE}.${name}${end}`,
      ),
    );
    const connection = await connect(RABBITMQ_URL!);
    const left: string[] = [];
    for (const name of names) {
      const channel = await connection.createChannel();
      channel.on('error', () => {});
      await channel.checkQueue(name).then(
        () => left.push(name),
        () => {},
      );
    }
    await connection.close();
    return left;
  }
});

async function useIt(shop: Shop): Promise<void> {
  for (let i = 0; i < 2; i++) await shop.buy('sync', { productId: 1, quantity: 1, userId: `buyer ${i}` });
  const { trackingId } = (await shop.buy('async', { productId: 2, quantity: 1 })).json;
  await shop.get(`/api/v1/async/purchase/${trackingId}?wait=20s`);
}

async function expectFirstStart(shop: Shop): Promise<void> {
  await shop.restart();
  expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(1000);
  const { breaches, products } = await shop.readBooks();
  expect({ breaches, versions: products.map(({ version }) => version) }).toEqual({
    breaches: [],
    versions: [1, 1, 1, 1, 1],
  });
  expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
}

function command(...args: string[]): string[] {
  return [process.execPath, '--no-env-file', MAIN, ...args];
}
