import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { distributedBackends, ownDatabase } from '../support/backends.ts';
import { LAUNCHER, runPulsecart, runToEnd } from '../support/command.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ownBackends } from '../support/own-backends.ts';
import { openShop } from '../support/shop.ts';

/** `pulsecart doctor` looks and changes nothing; `pulsecart migrate` brings tables up to date without serving. */

/** Backends and servers are started, on a machine that runs other tests beside it. */
const SEVERAL_STARTS_MS = 120_000;

const FREE_PORT = { PORT: '0' };

describe('doctor', () => {
  test('finds everything in order where a server would start, and makes nothing', async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    const { exit, settings, findings } = await doctor(['--data', data], FREE_PORT);
    expect(exit).toBe(0);
    expect(findings.map(({ name }) => name)).toEqual([
      'Bun',
      'disk space',
      'open files',
      'address',
      'SQLite',
    ]);
    expect(settings).toContainEqual({ name: 'PULSECART_DATA', value: data, source: '--data' });
    expect(settings).toContainEqual({ name: 'PORT', value: '0', source: 'variable' });
    expect(settings).toContainEqual({ name: 'PULSECART_MODE', value: 'development', source: 'default' });
    expect(existsSync(data)).toBe(false);
  });

  test('shows people the worst first, then what differs from its default, and whether a server would run', async () => {
    using folder = temporaryFolder();
    const args = ['doctor', '--data', join(folder.path, 'data')];
    const env = { ...FREE_PORT, PULSECART_LOG_LEVEL: 'debug', PULSECART_MODUS: '1' };
    const { stdout } = await runPulsecart(args, env);
    const states = [...stdout.matchAll(/^ {2}(broken|note|ok) /gm)].map(([, state]) => state!);
    const order = ['broken', 'note', 'ok'];
    expect(states).toEqual(states.toSorted((a, b) => order.indexOf(a) - order.indexOf(b)));
    expect(states[0]).toBe('note');
    expect(stdout).toMatch(/^ {2}PULSECART_LOG_LEVEL +debug +variable$/m);
    expect(stdout).not.toContain('PULSECART_MODE ');
    expect(stdout).toMatch(/^ {2}\d+ settings have their defaults \(all of them with --all\)$/m);
    expect(stdout).toMatch(/\n {2}A server would run here; look at: settings\b.*\n$/);
    const all = await runPulsecart([...args, '--all'], env);
    expect(all.stdout).toMatch(/^ {2}PULSECART_MODE +development +default$/m);
    const broken = await runPulsecart(['doctor'], { PORT: '0', REDIS_URL: 'redis://nowhere' });
    expect(broken.stdout).toEndWith('\n  A server would not run here: settings\n');
  });

  test('knows a server of ours that runs there', async () => {
    await using shop = await openShop();
    const { exit, findings } = await doctor(['--data', shop.folder, '--port', new URL(shop.url).port]);
    expect({ exit, address: findings.find(({ name }) => name === 'address') }).toEqual({
      exit: 0,
      address: {
        name: 'address',
        state: 'ok',
        detail: expect.stringMatching(/^PulseCart .* answers .*, UP$/),
      },
    });
    expect(findings.at(-1)?.detail).toContain('a server is using it');
  });

  test('knows somebody else who is there', async () => {
    using stranger = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('hello') });
    const { exit, findings } = await doctor(['--port', `${stranger.port}`]);
    expect(exit).toBe(1);
    expect(findings.find(({ name }) => name === 'address')?.state).toBe('broken');
  });

  test('P6 a value in .env means what is written, and doctor says that file as its source', async () => {
    using folder = temporaryFolder();
    const token = 'pa$$word#with $PATH and $HOME$';
    const lines = [
      '\uFEFF# the shop',
      'PORT=0',
      `export PULSECART_OPERATOR_TOKEN="${token}"`,
      'PULSECART_DATA=da$HOME#ta \r',
      'DATABASE_URL=',
      "PULSECART_NAMESPACE='shop'",
      'PULSECART_WORKER=on',
    ];
    writeFileSync(join(folder.path, '.env'), lines.join('\n'));
    writeFileSync(join(folder.path, '.env.local'), 'PULSECART_NAMESPACE=mine');
    const { stdout } = await runToEnd([Bun.which('node') ?? 'node', LAUNCHER, 'doctor', '--json'], {
      cwd: folder.path,
      env: { PULSECART_WORKER: 'off' },
    });
    const { settings } = JSON.parse(stdout);
    for (const setting of [
      { name: 'PULSECART_DATA', value: 'da$HOME#ta', source: '.env' },
      { name: 'PULSECART_OPERATOR_TOKEN', value: '***', source: '.env' },
      { name: 'PULSECART_NAMESPACE', value: 'mine', source: '.env.local' },
      { name: 'PULSECART_WORKER', value: 'off', source: 'variable' },
      { name: 'PULSECART_MODE', value: 'development', source: 'default' },
    ])
      expect(settings).toContainEqual(setting);
    await using shop = await openShop({ PULSECART_OPERATOR_TOKEN: token });
    const asked = await runToEnd([Bun.which('node') ?? 'node', LAUNCHER, 'dlq', 'list', '--url', shop.url], {
      cwd: folder.path,
    });
    expect(asked).toMatchObject({ exit: 0, stderr: '' });
  });

  test('P6 a variable that is called like a setting and is none is warned of, with the nearest name', async () => {
    const wrong = { PULSECART_MODUS: 'secret', PULSECART_PORT: '1', PULSECART_DRAIN: '0' };
    const lines = [
      'PULSECART_DRAIN is no setting and has no effect; the nearest one is PULSECART_DRAIN_MS',
      'PULSECART_MODUS is no setting and has no effect; the nearest one is PULSECART_MODE',
      'PULSECART_PORT is no setting and has no effect; the nearest one is PORT',
    ];
    const { exit, findings } = await doctor([], { ...FREE_PORT, ...wrong });
    expect(exit).toBe(0);
    expect(findings[0]).toEqual({ name: 'settings', state: 'note', detail: lines.join('. ') });
    await using shop = await openShop(wrong);
    const warnings = shop.server
      .log()
      .split('\n')
      .filter((line) => line.includes('is no setting'));
    expect(warnings).toHaveLength(1);
    expect(JSON.parse(warnings[0]!)).toMatchObject({ level: 40, msg: lines.join('. ') });
    expect(shop.server.log()).not.toContain('secret');
    await using right = await openShop({ PULSECART_LOG_LEVEL: 'info' });
    expect(right.server.log()).not.toContain('is no setting');
  });

  test('says what is wrong with the settings, the folder and each backend, and no secret', async () => {
    const setting = await doctor([], { PULSECART_MODE: 'prod' });
    expect(setting).toMatchObject({ exit: 1, findings: [{ name: 'settings', state: 'broken' }] });
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), 'somebody’s');
    expect((await doctor(['--data', join(folder.path, 'file', 'data')], FREE_PORT)).exit).toBe(1);
    const { exit, stdout, findings } = await doctor([], {
      ...FREE_PORT,
      DATABASE_URL: 'postgres://shop:hidden@127.0.0.1:1/shop',
      REDIS_URL: 'redis://:hidden@127.0.0.1:2',
      RABBITMQ_URL: 'amqp://shop:hidden@127.0.0.1:3',
      PULSECART_OPERATOR_TOKEN: 'hidden from everybody',
    });
    expect(exit).toBe(1);
    expect(findings.filter(({ state }) => state === 'broken').map(({ name }) => name)).toEqual([
      'PostgreSQL',
      'Redis',
      'RabbitMQ',
    ]);
    expect(stdout).not.toContain('hidden');
  });

  test.skipIf(!distributedBackends)(
    'knows the versions of the distributed backends',
    async () => {
      await using own = await ownBackends();
      const { exit, findings } = await doctor([], { ...own.env, ...FREE_PORT });
      const details = Object.fromEntries(findings.map(({ name, detail }) => [name, detail]));
      expect({ exit, details }).toMatchObject({
        exit: 0,
        details: {
          PostgreSQL: expect.stringMatching(/^\d+\.\d+.* no tables yet.* its clock is \d+ ms/),
          Redis: expect.stringMatching(/^\d+\.\d+/),
          RabbitMQ: expect.stringMatching(/^\d+\.\d+/),
        },
      });
    },
    SEVERAL_STARTS_MS,
  );

  async function doctor(args: string[], env: Record<string, string> = {}) {
    const { exit, stdout } = await runPulsecart(['doctor', '--json', ...args], env);
    const { settings, findings } = JSON.parse(stdout) as {
      settings: { name: string; value: string; source: string }[];
      findings: { name: string; state: string; detail: string }[];
    };
    return { exit, stdout, settings, findings };
  }
});

describe('migrate', () => {
  test('makes the tables, says from where to where, and does nothing the second time', async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    const check = await migrate(['--data', data, '--check']);
    expect(check).toMatchObject({ exit: 1, result: { from: 0 } });
    expect(existsSync(data)).toBe(false);
    const { to } = check.result;
    expect(await migrate(['--data', data])).toMatchObject({ exit: 0, result: { from: 0, to, pending: 0 } });
    expect(await migrate(['--data', data, '--check'])).toMatchObject({ exit: 0, result: { from: to, to } });
    expect(readdirSync(data)).toContain('pulsecart.db');
  });

  test('does not take the tables of a newer program for its own', async () => {
    using folder = temporaryFolder();
    await refusesAfter(['--data', folder.path], {}, async () => {
      using db = new Database(join(folder.path, 'pulsecart.db'));
      db.exec('PRAGMA user_version = 99');
    });
  });

  test.skipIf(!distributedBackends)('nor those of a newer program in a database', async () => {
    await using database = await disposable(ownDatabase());
    await refusesAfter([], { DATABASE_URL: database.url }, async () => {
      const client = new Client({ connectionString: database.url });
      await client.connect();
      await client.query('UPDATE pulsecart.pulsecart_schema SET version = 99').finally(() => client.end());
    });
  });

  test('looks beside a server, and does not work under one', async () => {
    await using shop = await openShop();
    expect(await migrate(['--data', shop.folder, '--check'])).toMatchObject({ exit: 0 });
    expect(await migrate(['--data', shop.folder])).toMatchObject({ exit: 0, result: { pending: 0 } });
    expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
  });

  test.skipIf(!distributedBackends)(
    'makes the tables of a database, and a server starts on them',
    async () => {
      await using database = await disposable(ownDatabase());
      const env = {
        DATABASE_URL: database.url,
        REDIS_URL: 'redis://127.0.0.1:2',
        RABBITMQ_URL: 'amqp://127.0.0.1:3',
      };
      expect(await migrate(['--check'], env)).toMatchObject({ exit: 1, result: { from: 0 } });
      expect(await migrate([], env)).toMatchObject({ exit: 0, result: { from: 0, pending: 0 } });
      expect(await migrate(['--check'], env)).toMatchObject({ exit: 0 });
      await using own = await ownBackends();
      await using shop = await openDistributedShop({ backends: { ...own.env, DATABASE_URL: database.url } });
      expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
    },
    SEVERAL_STARTS_MS,
  );

  test('on a database that is not there says so in one line', async () => {
    const env = {
      DATABASE_URL: 'postgres://127.0.0.1:1/shop',
      REDIS_URL: 'redis://127.0.0.1:2',
      RABBITMQ_URL: 'amqp://127.0.0.1:3',
    };
    for (const command of [['migrate'], ['reset', '--yes']]) {
      const { exit, stdout, stderr } = await runPulsecart(command, env);
      expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
      expect(stderr).toMatch(
        /^pulsecart: The PostgreSQL database 127\.0\.0\.1:1\/shop cannot be reached: .*\n$/,
      );
    }
  });

  async function migrate(args: string[], env: Record<string, string> = {}) {
    const { exit, stdout } = await runPulsecart(['migrate', '--json', ...args], env);
    return { exit, result: JSON.parse(stdout || '{}') };
  }

  async function disposable<T extends { close(): Promise<void> }>(opening: Promise<T>) {
    const opened = await opening;
    return { ...opened, [Symbol.asyncDispose]: () => opened.close() };
  }
});

/** `make` leaves the tables as a newer program would; migrate and its check then say so. */
async function refusesAfter(
  args: readonly string[],
  env: Record<string, string>,
  make: () => Promise<void>,
): Promise<void> {
  expect(await runPulsecart(['migrate', ...args], env)).toMatchObject({ exit: 0 });
  await make();
  for (const flags of [[], ['--check']]) {
    const { exit, stderr } = await runPulsecart(['migrate', ...args, ...flags], env);
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: expect.stringMatching(
        /^pulsecart: .* schema 99; this PulseCart knows schemas up to \d+\. .*\n$/,
      ),
    });
  }
}
