import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { temporaryFolder } from '../../tests/support/folder.ts';
import { until } from '../../tests/support/until.ts';
import { AppError } from '../domain/errors.ts';
import { createLog } from './log.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly leftOut?: number;
  readonly err?: object;
  readonly [field: string]: unknown;
}

function logged() {
  const lines: Line[] = [];
  const log = createLog('info', { write: (text) => void lines.push(JSON.parse(text)) });
  return { log, lines };
}

function told(lines: readonly Line[]): number {
  return lines.reduce((sum, { leftOut = 0 }) => sum + 1 + leftOut, 0);
}

test('P9 of thousands of warnings of a kind in a moment a few are logged, and the last one counts the others', async () => {
  const { log, lines } = logged();
  for (let i = 0; i < 5_000; i++) log.warn({ requestId: `r${i}`, code: 'unavailable' }, 'request failed');
  expect(lines).toHaveLength(3);
  await until(() => told(lines) === 5_000);
  expect(lines).toHaveLength(4);
  expect(lines.at(-1)).toMatchObject({ requestId: 'r4999', leftOut: 4_996, msg: 'request failed' });
});

test('P9 a trouble that lasts has a few lines of each kind in every second, and nothing is left uncounted', async () => {
  const { log, lines } = logged();
  const beganAtMs = performance.now();
  let warned = 0;
  while (performance.now() - beganAtMs < 2_500) {
    log.warn(
      { err: new AppError('unavailable', `no answer within ${warned} ms`) },
      `batch ${warned++} failed`,
    );
    await Bun.sleep(1);
  }
  await until(() => told(lines) === warned);
  expect(lines.length).toBeLessThanOrEqual(3 * 4);
});

test('P9 kinds do not hide each other: another message, code or level is another kind', () => {
  const { log, lines } = logged();
  for (let i = 0; i < 100; i++) log.warn({ code: 'unavailable' }, 'request failed');
  log.warn({ code: 'outcome_unknown' }, 'request failed');
  log.warn('the feed is cut off');
  log.error({ err: new Error('a bug') }, 'request failed');
  log.info('request');
  expect(lines.slice(3).map(({ level, msg }) => [level, msg])).toEqual([
    [40, 'request failed'],
    [40, 'the feed is cut off'],
    [50, 'request failed'],
    [30, 'request'],
  ]);
});

test('P9 a process that ends says what it had left out', async () => {
  const script = `
    import { createLog } from '${import.meta.dir}/log.ts';
    const log = createLog('info');
    for (let i = 0; i < 10; i++) log.error({ err: new Error('no'), i }, 'a step failed');
    process.exit(3);`;
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe', stderr: 'inherit' });
  const lines = (await new Response(child.stdout).text())
    .trim()
    .split('\n')
    .map((line): Line => JSON.parse(line));
  expect(await child.exited).toBe(3);
  expect([lines.length, told(lines), lines.at(-1)!.i]).toEqual([4, 10, 9]);
});

test.skipIf(process.platform !== 'linux')(
  'B1 a log that cannot be written throws nothing into a request or a timer, and goes on when there is room again',
  async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'log');
    const script = `
      import { createLog } from '${import.meta.dir}/log.ts';
      const limit = (bytes) => Bun.spawnSync(['prlimit', '--pid', String(process.pid), '--fsize=' + bytes + ':']);
      const log = createLog('info');
      log.info('before');
      limit(100);
      for (let i = 0; i < 10; i++) log.info({ i }, 'request');
      for (let i = 0; i < 10; i++) log.warn({ i }, 'request failed');
      // Those left out are written by a timer.
      await Bun.sleep(1_500);
      for (let i = 0; i < 20_000; i++) log.info({ much: 'x'.repeat(100) }, 'request');
      limit('unlimited');
      log.info('after');
      console.error('alive', process.memoryUsage().rss);`;
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: Bun.file(file), stderr: 'pipe' });
    const said = await new Response(child.stderr).text();
    expect([await child.exited, said]).toEqual([0, expect.stringMatching(/^alive \d+\n$/)]);
    const lines = (await Bun.file(file).text()).trim().split('\n');
    const told = lines.map((line): Line => JSON.parse(line)).map(({ msg }) => msg);
    expect(told.slice(0, 3)).toEqual(['before', 'request', 'request']);
    expect(told.at(-1)).toBe('after');
    expect(lines.length).toBeLessThan(10_000);
  },
);

test('P3 an error is logged with what places it, and without what a client hangs on it', () => {
  const { log, lines } = logged();
  const row = { detail: 'Failing row contains (jane).', where: 'jane', command: { args: ['jane'] } };
  const error = Object.assign(new Error('new row violates a rule'), {
    code: '23514',
    constraint: 'rule',
    ...row,
  });
  log.error({ err: new AppError('unavailable', 'not now', { cause: error }) }, 'wrapped');
  log.error({ err: error }, 'bare');
  log.error(error);
  expect(lines).toMatchObject([
    { err: { type: 'AppError', code: 'unavailable', message: 'not now: new row violates a rule' } },
    { err: { code: '23514', constraint: 'rule', stack: expect.stringContaining('log.test.ts') } },
    { msg: 'new row violates a rule', err: { code: '23514' } },
  ]);
  expect(JSON.stringify(lines)).not.toContain('jane');
});

test('P3 what looks like a secret is in no line, and neither is one of the settings', () => {
  const lines: string[] = [];
  const log = createLog('trace', { write: (line) => void lines.push(line) }, ['the-token-of-operators']);
  const error = new Error('no way to postgres://shop:canary@db/shop');
  log.error({ err: error }, 'a step failed');
  log.info({ headers: { authorization: 'Bearer canary-0123456789abcdef' } }, 'got sk_live_canary');
  log.debug({ given: 'the-token-of-operators' }, 'refused');
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(JSON.parse(line)).toBeObject();
  expect(lines.join()).toContain('postgres://shop:***@db/shop');
  expect(lines.join()).not.toMatch(/canary|the-token-of-operators/);
});
