import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { CALIBRATING_COMMAND } from '../../bench/capacity/calibrate.ts';
import { readDocument } from '../docs/documents.ts';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';

const TEN_MILLION = ['plan', '--buyers', '10000000', '--minutes', '5', '--units', '50000'];

test('a plan for ten million buyers says what it takes, what runs out first, and how far it was off', async () => {
  const { exit, stdout, stderr } = await runPulsecart(TEN_MILLION);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toStartWith(
    '  10,000,000 buyers in 5 min, 50,000 units, flash-crowd, sync and async, 0 live viewers\n',
  );
  for (const part of [
    /API processes +\d/,
    /PostgreSQL +\d+ cores, [\d,]+ connections/,
    /Redis +\d+ nodes/,
    /RabbitMQ +3 nodes/,
    /open files/,
    /bandwidth +.* in, .* out/,
    /cores go to +\w+ \d+ % \([\d.]+\), .*API \d+ %/,
    /first bottleneck +\w/,
    /one product +decisions about one product: [\d,]+ of [\d,]+ per second, \d+ %/,
    /last limit +\w/,
    /CPU time was off by -?\d+ to -?\d+ % in \d+ measurements/,
  ])
    expect(stdout).toMatch(part);
});

test('--json has the same, with constants and assumptions and where both come from', async () => {
  const { exit, stdout } = await runPulsecart([
    ...TEN_MILLION,
    '--profile',
    'viewers',
    '--mode',
    'sync',
    '--json',
  ]);
  expect(exit).toBe(0);
  const { plan, viewers, profile, constants, assumptions, checks } = JSON.parse(stdout);
  expect({ viewers, profile }).toEqual({ viewers: 200_000, profile: 'viewers' });
  expect(plan.bandwidthMbps.liveOut).toBeGreaterThan(0);
  expect(constants.measured).toMatchObject({ commit: expect.any(String), command: expect.any(String) });
  for (const { value, source } of Object.values<{ value: number; source: string }>(assumptions)) {
    expect(value).toBeGreaterThan(0);
    expect(source).not.toBe('');
  }
  expect(checks.length).toBeGreaterThanOrEqual(3);
});

test('a mistake is one line and exit status 2', async () => {
  using folder = temporaryFolder();
  const other = join(folder.path, 'other.json');
  await Bun.write(other, '{"results":[]}');
  const rows: [string[], RegExp][] = [
    [['--buyers', '0'], /^--buyers takes a whole number from 1 to /],
    [['--minutes', '2.5'], /^--minutes takes a whole number/],
    [['--profile', 'sync-ramp'], /^--profile takes one of constant, flash-crowd, /],
    [['--mode', 'fast'], /^--mode takes one of sync, async, both$/],
    [['--constants', '/nowhere.json'], /^--constants cannot be read: /],
    [['--constants', other], /other\.json has no costUs\.syncSold\.process: /],
    [['--calibrate', other], /other\.json is not a document of `pulsecart bench --json`$/],
  ];
  await Promise.all(
    rows.map(async ([args, line]) => {
      const { exit, stdout, stderr } = await runPulsecart(['plan', ...args]);
      expect({ args, exit, stdout }).toEqual({ args, exit: 2, stdout: '' });
      expect(stderr).toMatch(/^pulsecart: [^\n]*\n$/);
      expect(stderr.slice('pulsecart: '.length, -1)).toMatch(line);
    }),
  );
});

test('docs/scale.md has the command that measures again what a plan is made of', () => {
  const [, workloads] = /--workload (\S+)/.exec(CALIBRATING_COMMAND)!;
  expect(readDocument('docs/scale.md')).toContain(`--workload ${workloads} > bench.json`);
});
