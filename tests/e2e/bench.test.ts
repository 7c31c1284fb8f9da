import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { distributedBackends } from '../support/backends.ts';
import { MAIN, runPulsecart, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Three backends' starts and four seconds of load, on a machine that runs other tests beside it. */
const PRODUCTION_TIMEOUT_MS = 90_000;

describe('bench', () => {
  test('sells beside live viewers where it is asked to', async () => {
    const args = ['--workload', 'sync-win', '--viewers', '20', '--seconds', '1', '--rounds', '3', '--json'];
    const { exit, stdout } = await runPulsecart(['bench', ...args, '--connections', '40']);
    expect(exit).toBe(0);
    const { connections, results } = JSON.parse(stdout);
    expect(connections).toBe(40);
    const [result] = results;
    expect(result).toMatchObject({ workload: 'sync-win', errors: 0, viewers: 20 });
    expect(result.eventsToViewers).toBeGreaterThan(20);
  });

  test('prints one document of what it measured, with which backends', async () => {
    const args = ['--workload', 'noop,stock-read', '--seconds', '1', '--rounds', '3', '--json'];
    const { exit, stdout, stderr } = await runPulsecart(['bench', ...args]);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      machine: { cores: expect.any(Number), bun: Bun.version },
      engines: { ledger: 'sqlite', gate: 'memory', queue: 'sqlite', payments: 'simulator' },
      seconds: 1,
      rounds: 3,
      results: [
        { workload: 'noop', ratioToNoop: 1, errors: 0 },
        { workload: 'stock-read', errors: 0, differencesToNoop: [] },
      ],
    });
    const [, stock] = report.results;
    expect(stock.pairs).toHaveLength(3);
    expect(stock.ratioToNoop).toBe(stock.pairs.map(({ ratio }: { ratio: number }) => ratio).toSorted()[1]);
    expect(stock).not.toHaveProperty('cpuEnginesPct');
  });

  test('--open measures parts of the saturation rate, from the intended time and raw', async () => {
    const args = ['--open', '--workload', 'stock-read', '--seconds', '1', '--rounds', '3', '--json'];
    const { exit, stdout, stderr } = await runPulsecart(['bench', ...args]);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const { open, results } = JSON.parse(stdout);
    expect(open).toBe(true);
    const [{ levels, requestsPerS, ...stock }] = results;
    expect(stock).toMatchObject({ workload: 'stock-read', loop: 'open', errors: 0 });
    expect(stock.latenessP99Ms).toBeGreaterThan(0);
    expect(levels.map(({ sharePct }: { sharePct: number }) => sharePct)).toEqual([25, 50, 75, 90]);
    for (const { sharePct, offeredPerS, p99Ms, raw, p99MsByRound, cpuGeneratorPct } of levels) {
      // Its own round's saturation rate is not the mean of all rounds.
      expect(offeredPerS / requestsPerS).toBeWithin(sharePct / 200, sharePct / 50);
      expect(p99Ms).toBeGreaterThanOrEqual(raw.p99Ms);
      expect(p99MsByRound).toHaveLength(3);
      expect(cpuGeneratorPct).toBeGreaterThan(0);
    }
  });

  test.skipIf(!distributedBackends)(
    'prints the same document of the distributed backends, with what each of them used',
    async () => {
      const args = ['--workload', 'sync-win,async-whole', '--seconds', '1', '--rounds', '3', '--json'];
      const { exit, stdout, stderr } = await runToEnd(
        [process.execPath, '--no-env-file', MAIN, 'bench', '--engines', 'production', ...args],
        { timeoutMs: PRODUCTION_TIMEOUT_MS },
      );
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      const { engines, results } = JSON.parse(stdout);
      expect(engines).toEqual({
        ledger: expect.stringMatching(/^postgresql \d+\.\d+$/),
        gate: expect.stringMatching(/^(redis|valkey) \d+\.\d+\.\d+$/),
        queue: expect.stringMatching(/^rabbitmq \d+\.\d+\.\d+/),
        payments: 'simulator',
      });
      expect(results).toMatchObject([
        { workload: 'sync-win', errors: 0, differencesToNoop: [] },
        { workload: 'async-whole', errors: 0 },
      ]);
      const [win, whole] = results;
      expect(whole.confirm.p50Ms).toBeGreaterThan(0);
      expect(whole.accept.p50Ms + whole.confirm.p50Ms).toBeGreaterThan(whole.p50Ms / 2);
      if (win.cpuEnginesPct) {
        expect(Object.keys(win.cpuEnginesPct)).toEqual(['postgres', 'redis', 'rabbitmq']);
        expect(win.cpuEnginesPct.postgres).toBeGreaterThan(0);
        for (const { cpuServerUsPerRequest, cpuTotalUsPerRequest } of results)
          expect(cpuTotalUsPerRequest).toBeGreaterThan(cpuServerUsPerRequest);
        expect(whole.cpuTotalUsPerRequest).toBeGreaterThan(
          whole.cpuServerUsPerRequest + whole.cpuWorkerUsPerRequest,
        );
      }
    },
    PRODUCTION_TIMEOUT_MS + 10_000,
  );

  for (const args of [
    ['--workload', 'growth'],
    ['--workload', 'noop,flushall,start-up', '--engines', 'embedded'],
  ]) {
    test(`${args.join(' ')} is refused: these backends live in the server`, async () => {
      const { exit, stdout, stderr } = await runPulsecart(['bench', ...args]);
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
      expect(stderr).toMatch(
        /^pulsecart: --workload \S+ measures the distributed backends: add --engines production\n$/,
      );
      expect(stderr).not.toContain('noop');
    });
  }

  test('--instances is refused where it compares nothing, and says why', async () => {
    for (const [args, said] of [
      [[], /--instances compares numbers of processes, .*: add --engines production/],
      [
        ['--engines', 'production', '--workload', 'sync-win,live'],
        /--instances measures sync-win; leave out live/,
      ],
      [['--open'], /--open and --instances measure in ways of their own: choose one/],
      [['--instances', '0'], /--instances takes some of 1,2,/],
    ] as const) {
      const { exit, stdout, stderr } = await runPulsecart(['bench', '--instances', '1,2', ...args]);
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
      expect(stderr).toMatch(said);
    }
  });

  test.skipIf(process.platform !== 'linux')(
    '--profile tells what a request costs by thread, file and function, and keeps the profile',
    async () => {
      using folder = temporaryFolder();
      const args = ['--profile', '--workload', 'stock-read', '--seconds', '1', '--json'];
      const { exit, stdout, stderr } = await runToEnd(
        [process.execPath, '--no-env-file', MAIN, 'bench', ...args],
        { cwd: folder.path },
      );
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      const [result] = JSON.parse(stdout).results;
      expect(result).toMatchObject({ workload: 'stock-read', errors: 0 });
      expect(existsSync(join(folder.path, result.profile))).toBe(true);
      type Cost = { readonly name: string; readonly us: number };
      const sumOf = (costs: readonly Cost[]) => costs.reduce((sum, { us }) => sum + us, 0);
      const serving = result.threads.find(({ name }: Cost) => name === 'serving');
      expect(result.files.map(({ name }: Cost) => name)).toContain('src/http/server.ts');
      for (const parts of [result.files, result.functions])
        expect(sumOf(parts) + result.outsideUs).toBeCloseTo(serving.us, 3);
    },
  );

  test('--profile is refused for what has no closed loop', async () => {
    const { exit, stdout, stderr } = await runPulsecart([
      'bench',
      '--profile',
      '--workload',
      'sync-win,demo',
    ]);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toMatch(/^pulsecart: --profile measures sync-win, .*; leave out demo\n$/);
  });

  test('--open with a workload that has no open loop is refused', async () => {
    const { exit, stdout, stderr } = await runPulsecart(['bench', '--open', '--workload', 'payments,live']);
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
    expect(stderr).toMatch(/^pulsecart: --open measures sync-win, .*; payments,live has no open loop\n$/);
  });

  test('and demo take two kinds of backends', async () => {
    for (const command of ['bench', 'demo']) {
      const { exit, stderr } = await runPulsecart([command, '--engines', 'oracle']);
      expect({ exit, stderr }).toEqual({
        exit: 2,
        stderr: 'pulsecart: --engines takes one of embedded, production\n',
      });
    }
  });
});
