import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openShop } from '../support/shop.ts';

/** What cannot work is said in one line at the start, with an exit status, and nothing is overwritten. */

describe('a data folder that cannot be written', () => {
  const rows: [string, (folder: string) => string][] = [
    ['a regular file', (folder) => fileIn(folder)],
    ['below a regular file', (folder) => join(fileIn(folder), 'data')],
    ['in a file system that takes no folders', () => '/proc/pulsecart'],
  ];
  for (const [what, pathIn] of rows) {
    test(`(${what}) stops the start`, async () => {
      using folder = temporaryFolder();
      const path = pathIn(folder.path);
      expectOneLine(await serve(path), 1, /^The data folder .* cannot be written: /);
    });
  }

  test('(no folder at all) is a mistake of the call', async () => {
    expectOneLine(await serve(''), 2, /^--data takes a folder$/);
  });

  test('is left as it was', async () => {
    using folder = temporaryFolder();
    const file = fileIn(folder.path);
    await serve(file);
    await serve(join(file, 'data'));
    expect(bytesIn(folder.path)).toEqual({ file: hash('what somebody else keeps here') });
  });

  function fileIn(folder: string): string {
    writeFileSync(join(folder, 'file'), 'what somebody else keeps here');
    return join(folder, 'file');
  }
});

describe('an address that cannot be had', () => {
  test('stops the start, and the data can be used by the next one', async () => {
    using folder = temporaryFolder();
    await using other = await openShop();
    const { port } = new URL(other.url);
    for (let i = 0; i < 2; i++) {
      const ended = await runPulsecart(['serve', '--port', port, '--data', folder.path]);
      expectOneLine(ended, 1, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use`));
    }
    expect((await other.get('/api/v1/sync/health')).status).toBe(200);
  });

  test('because it is another machine’s stops the start', async () => {
    using folder = temporaryFolder();
    const args = ['serve', '--port', '0', '--host', '203.0.113.7', '--data', folder.path];
    const ended = await runPulsecart(args, { PULSECART_OPERATOR_TOKEN: 'a-token-of-enough-characters' });
    expectOneLine(ended, 1, /^Cannot listen on 203\.0\.113\.7:0: it is not an address of this machine\.$/);
  });
});

describe('a second process on the same data', () => {
  test('ends with a clear line, and the first goes on selling', async () => {
    await using shop = await openShop();
    expectOneLine(await serve(shop.folder), 1, /^Another PulseCart process is using the data folder /);
    expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
  });

  test('may audit beside it', async () => {
    await using shop = await openShop();
    await shop.buy('sync', { productId: 1, quantity: 1 });
    const { exit, stdout, stderr } = await runPulsecart(['audit', '--data', shop.folder, '--json']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(JSON.parse(stdout).pass).toBe(true);
    expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
  });

  test('gets the data when the first was killed', async () => {
    await using shop = await openShop();
    await shop.buy('sync', { productId: 1, quantity: 1 });
    await shop.server.kill();
    await shop.restart();
    expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(999);
  });
});

describe('a database file that cannot be used', () => {
  const folder = temporaryFolder();
  /** Data of a server that was stopped, and of one that was killed, so that its last commits are in the log only. */
  const stopped = join(folder.path, 'stopped');
  const killed = join(folder.path, 'killed');
  let secretsPage = 0;
  beforeAll(async () => {
    await using shop = await openShop();
    for (let i = 0; i < 50; i++) await shop.buy('sync', { productId: 1, quantity: 1, userId: `buyer ${i}` });
    await shop.server.stop();
    cpSync(shop.folder, stopped, { recursive: true });
    const db = new Database(join(shop.folder, 'pulsecart.db'));
    const sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'secrets'";
    secretsPage = db.query<{ rootpage: number }, []>(sql).get()!.rootpage;
    db.close();
    await shop.restart();
    await shop.buy('sync', { productId: 1, quantity: 1 });
    await shop.server.kill();
    cpSync(shop.folder, killed, { recursive: true });
  });
  afterAll(() => folder[Symbol.dispose]());

  const rows: [string, () => string, (file: string) => void, RegExp][] = [
    ['full of garbage', () => stopped, (file) => writeFileSync(file, garbage(20_000)), /not a database/],
    ['with a garbled header', () => stopped, (file) => overwrite(file, 0, garbage(100)), /not a database/],
    [
      'that is a text',
      () => stopped,
      (file) => writeFileSync(file, 'hello\n'.repeat(1000)),
      /not a database/,
    ],
    ['with a damaged page in the middle', () => stopped, damagePage, / is damaged: /],
    ['with a damaged page below a log', () => killed, damagePage, / is damaged: /],
    ['cut off in the middle', () => stopped, (file) => cutInHalf(file), / is damaged: |malformed/],
    ['of a newer schema', () => stopped, (file) => setSchema(file, 99), / has schema 99; .* newer PulseCart/],
    [
      'of a newer schema, said in the log',
      () => killed,
      (file) => setSchemaInLog(file, 99),
      / has schema 99; .* newer PulseCart/,
    ],
  ];
  for (const [what, source, damage, line] of rows) {
    test(`(${what}) stops serve and audit, and no byte of it changes`, async () => {
      using own = temporaryFolder();
      cpSync(source(), own.path, { recursive: true });
      damage(join(own.path, 'pulsecart.db'));
      const before = bytesIn(own.path);
      expect(Object.keys(before)).toContain('pulsecart.db');
      expectOneLine(await serve(own.path), 1, line);
      expectOneLine(await runPulsecart(['audit', '--data', own.path]), 1, line);
      expect(bytesIn(own.path)).toEqual(before);
    });
  }

  test('(none of those) is served as it was left, killed or stopped', async () => {
    for (const [source, stock] of [
      [stopped, 950],
      [killed, 949],
    ] as const) {
      await using shop = await openShop();
      await shop.server.stop();
      rmSync(shop.folder, { recursive: true });
      cpSync(source, shop.folder, { recursive: true });
      await shop.restart();
      expect((await shop.get('/api/v1/sync/stock/1')).json.stock).toBe(stock);
    }
  });

  test('(as a stopped server leaves it) has everything in itself, and nothing in its log', () => {
    const names = Object.keys(bytesIn(stopped)).sort();
    expect(names).toEqual(['operator-token', 'pulsecart.db']);
    expect(Object.keys(bytesIn(killed)).sort()).toEqual([
      'operator-token',
      'pulsecart.db',
      'pulsecart.db-wal',
    ]);
  });

  test('(because there is none) stops an audit, which makes none', async () => {
    using own = temporaryFolder();
    const path = join(own.path, 'data');
    expectOneLine(await runPulsecart(['audit', '--data', path]), 1, /^There is no PulseCart data in /);
    expect(existsSync(path)).toBe(false);
  });

  /** A page that is written at the first start only, so that no log holds a newer version of it. */
  function damagePage(file: string): void {
    overwrite(file, (secretsPage - 1) * 4096, Buffer.alloc(4096, 0xff));
  }

  function cutInHalf(file: string): void {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, 4096 * Math.floor(bytes.length / 8192)));
  }

  function setSchema(file: string, version: number): void {
    const db = new Database(file);
    db.exec(`PRAGMA user_version = ${version}`);
    db.close();
  }

  /** As a newer program leaves it that was killed. */
  function setSchemaInLog(file: string, version: number): void {
    const db = new Database(file);
    db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = ${version}`);
    const copies = ['', '-wal'].map((end) => [file + end, readFileSync(file + end)] as const);
    db.close();
    for (const [path, bytes] of copies) writeFileSync(path, bytes);
    rmSync(`${file}-shm`, { force: true });
  }

  function garbage(bytes: number): Uint8Array {
    return Uint8Array.from({ length: bytes }, (_, i) => (i * 167 + (i >> 8)) % 256);
  }

  function overwrite(file: string, at: number, bytes: Uint8Array): void {
    const all = readFileSync(file);
    all.set(bytes, at);
    writeFileSync(file, all);
  }
});

describe('a command called the wrong way', () => {
  const rows: [string[], Record<string, string>, RegExp][] = [
    [
      ['nonsense'],
      {},
      /^There is no command "nonsense"\. Accepted: serve, worker, demo, rush, rehearse, bench, report, plan, audit, payments, backup, health, doctor/,
    ],
    [['Serve'], {}, /^There is no command "Serve"/],
    [['serve', '--nonsense'], {}, /--nonsense.*Accepted: --port/],
    [['serve', 'extra'], {}, /extra.*Accepted: --port/],
    [['serve', '--port'], {}, /--port/],
    [['serve', '--port', 'abc'], {}, /^--port must be a whole number from 0 to 65535; it is "abc"\.$/],
    [['serve', '--port', '65536'], {}, /^--port must be/],
    [['serve', '--port', '-1'], {}, /--port/],
    [['serve'], { PORT: '80a' }, /^PORT must be a whole number/],
    [
      ['serve'],
      { PULSECART_MODE: 'prod' },
      /^PULSECART_MODE must be one of development, production; it is "prod"/,
    ],
    [['serve'], { PULSECART_PAYMENTS: 'yes' }, /^PULSECART_PAYMENTS must be one of on, off/],
    [['serve'], { PULSECART_OPERATOR_TOKEN: 'short' }, /^PULSECART_OPERATOR_TOKEN must have at least 16/],
    [['audit', '--nonsense'], {}, /--nonsense.*Accepted: --data/],
    [['demo', '--users', 'many'], {}, /^--users takes a whole number/],
    [['demo', '--nonsense'], {}, /--nonsense/],
    [['bench', '--workload', 'nonsense'], {}, /^--workload takes some of /],
  ];
  for (const [args, env, line] of rows) {
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value} `);
    test(`(${settings.join('')}${args.join(' ')}) exits with 2 and says what is accepted`, async () => {
      using folder = temporaryFolder();
      const data = join(folder.path, 'data');
      const ended = await runPulsecart(args, { PULSECART_DATA: data, ...env });
      expectOneLine(ended, 2, line);
      expect(existsSync(data)).toBe(false);
    });
  }

  test('or with --help shows how it is called', async () => {
    for (const args of [[], ['help'], ['--help'], ['-h']]) {
      const { exit, stdout, stderr } = await runPulsecart(args);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      for (const command of ['serve', 'demo', 'bench', 'audit']) expect(stdout).toContain(command);
    }
    for (const command of ['serve', 'demo', 'bench', 'audit']) {
      const { exit, stdout, stderr } = await runPulsecart([command, '--help']);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toStartWith(`pulsecart ${command}: `);
      expect(stdout).toContain(`Example: pulsecart ${command}`);
    }
  });
});

function serve(dataFolder: string): Promise<Ended> {
  return runPulsecart(['serve', '--port', '0', '--data', dataFolder]);
}

/** One line on stderr that begins with the program's name, nothing on stdout, and this exit status. */
function expectOneLine({ exit, stdout, stderr }: Ended, status: number, line: RegExp): void {
  expect({ exit, stdout, stderr }).toMatchObject({ exit: status, stdout: '' });
  const lines = stderr.split('\n');
  expect(lines).toEqual([expect.stringMatching(/^pulsecart: /), '']);
  expect(lines[0]!.slice('pulsecart: '.length)).toMatch(line);
}

/** The content of every file that holds data; locks and the log's index are made anew with every use. */
function bytesIn(folder: string): Record<string, bigint | number> {
  const files = readdirSync(folder)
    .filter((name) => !/\.lock(-journal)?$|-shm$/.test(name))
    .map((name) => [name, readFileSync(join(folder, name))] as const)
    .filter(([, bytes]) => bytes.length > 0);
  return Object.fromEntries(files.map(([name, bytes]) => [name, hash(bytes)]));
}

function hash(content: string | Uint8Array): bigint | number {
  return Bun.hash(content);
}
