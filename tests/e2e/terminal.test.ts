import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { CTRL_C, inTerminal } from '../support/terminal.ts';
import { until } from '../support/until.ts';

/** What people see at a terminal; programs see the same commands in the other tests, without one. */

const TIMEOUT_MS = 60_000;
const SMALL = ['demo', '--users', '2000', '--units', '50', '--rate', '2000'];
const LIVE = /^ {2}.* of 2,000 came/;

describe('a sale at a terminal', () => {
  for (const [columns, later, env, passed] of [
    [80, 100, {}, '\x1b[32mPASS\x1b[0m  no oversell'],
    [160, 120, { NO_COLOR: '1' }, '  PASS  no oversell'],
  ] as const) {
    test(
      `of ${columns} columns, then ${later}, has one live line that fits, and is gone at the end`,
      async () => {
        using session = inTerminal(SMALL, { columns, env });
        await session.sees(LIVE);
        expect(session.rows().filter((row) => LIVE.test(row))).toHaveLength(1);
        session.resize(later);
        await session.sees(/ p99 \d/);
        expect(await session.exited).toBe(0);
        expect(session.rows().filter((row) => row.includes(' came'))).toEqual([]);
        expect(session.wrapped()).toBe(0);
        expect(session.rows()).toContainEqual(
          expect.stringMatching(/^ {2}PASS {2}no oversell +50 of 50 sold$/),
        );
        expect(session.raw()).toContain(passed);
        expect(/\x1b\[\d*m/.test(session.raw())).toBe(!('NO_COLOR' in env));
      },
      TIMEOUT_MS,
    );
  }

  test(
    'that cannot write over a line has none, and no colours',
    async () => {
      using session = inTerminal(['demo', '--users', '200', '--units', '10'], { env: { TERM: 'dumb' } });
      expect(await session.exited).toBe(0);
      expect(session.raw()).not.toContain('\x1b');
      expect(session.raw()).not.toContain(' came');
      expect(session.raw()).toContain('PASS  no oversell');
    },
    TIMEOUT_MS,
  );

  test(
    'is stopped by Ctrl-C, which says in one line what is left',
    async () => {
      using folder = temporaryFolder();
      using session = inTerminal(['demo', '--rate', '500'], { env: { TMPDIR: folder.path } });
      await session.sees(/ came · sold/);
      session.type(CTRL_C);
      expect(await session.exited).toBe(130);
      expect(session.rows().slice(1)).toEqual([
        'pulsecart demo: the sale was stopped by Ctrl-C; nothing is left',
      ]);
      expect(readdirSync(folder.path)).toEqual([]);
    },
    TIMEOUT_MS,
  );
});

test(
  'serve at a terminal tells its start, its sales and its stop in sentences',
  async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'data');
    using session = inTerminal(['serve', '--port', '0', '--data', data], {
      columns: 160,
      env: { PULSECART_DRAIN_MS: '0', PULSECART_PROT: '1' },
    });
    await session.sees(/^ {2}Next /);
    const [, url] = /Storefront +(http:\/\/127\.0\.0\.1:\d+)\/$/m.exec(session.rows().join('\n'))!;
    const token = readFileSync(join(data, 'operator-token'), 'utf8').trim();
    const wide = (row: string) => row.replaceAll(/ {2,}/g, '  ');
    expect(session.rows().map(wide)).toEqual([
      expect.stringMatching(/^ {2}\d\d:\d\d:\d\d {2}WARN {2}PULSECART_PROT is no setting /),
      expect.stringMatching(
        /^ {2}PulseCart ready in \d+\.\d s {2}embedded: SQLite \+ in-process gate, data in /,
      ),
      `  Storefront  ${url}/`,
      `  Operations  ${url}/ops#token=${token}`,
      `  API docs  ${url}/docs`,
      `  Next  pulsecart rush --url ${url}  10,000 buyers`,
    ]);
    const reset = await fetch(`${url}/api/v1/sync/stock/3/reset?stock=1`, { method: 'PUT' });
    expect(reset.status).toBe(200);
    await session.sees(/\d {2}sale open: .* \(product 3\), 1 unit at 1,999\.99 USD$/);
    const body = JSON.stringify({ productId: 3, quantity: 1, userId: 'ada' });
    const headers = { 'Content-Type': 'application/json' };
    const bought = await fetch(`${url}/api/v1/sync/purchase`, { method: 'POST', headers, body });
    expect(bought.status).toBe(200);
    await session.sees(/\d {2}sold out: .* \(product 3\), 1 unit/);
    session.type(CTRL_C);
    expect(await session.exited).toBe(0);
    expect(
      session
        .rows()
        .slice(-2)
        .map((row) => row.slice(12)),
    ).toEqual(['shutting down (Ctrl-C)', `stopped; orders and queues are in ${data}`]);
    expect(session.raw()).not.toContain('{"level"');
  },
  TIMEOUT_MS,
);

test('an audit that passes has nothing red in it', async () => {
  using folder = temporaryFolder();
  using made = inTerminal(['seed', '--data', folder.path]);
  expect(await made.exited).toBe(0);
  using session = inTerminal(['audit', '--data', folder.path]);
  expect(await session.exited).toBe(0);
  expect(session.raw()).toContain('the books are in the folder');
  expect(session.raw()).not.toContain('\x1b[31m');
});

test('a command that waits for a server is stopped by Ctrl-C, and says what is left', async () => {
  let wasAsked = false;
  await using silent = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => {
      wasAsked = true;
      return new Promise<Response>(() => {});
    },
  });
  using session = inTerminal(['dlq', 'list', '--url', silent.url.origin]);
  await until(() => wasAsked);
  session.type(CTRL_C);
  expect(await session.exited).toBe(130);
  expect(session.rows()).toEqual(['pulsecart dlq: stopped by Ctrl-C; the same command goes on']);
});

test('a question that is not answered deletes nothing, and says so', async () => {
  using folder = temporaryFolder();
  const data = join(folder.path, 'data');
  using seeding = inTerminal(['seed', '--data', data]);
  expect(await seeding.exited).toBe(0);
  using session = inTerminal(['reset', '--data', data]);
  await session.sees(/Type "yes" to go on/);
  session.type(CTRL_C);
  expect(await session.exited).toBe(1);
  expect(session.rows().at(-1)).toBe('  Nothing was deleted.');
  expect(existsSync(join(data, 'pulsecart.db'))).toBe(true);
});
