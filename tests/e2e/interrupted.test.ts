import { describe, expect, test } from 'bun:test';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { familyOf } from '../../bench/services/processes.ts';
import { onDistributedBackends } from '../support/backends.ts';
import { MACHINE, MAIN, runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { isRunning } from '../support/processes.ts';
import { eventually } from '../support/shop.ts';

/** Each goes on for minutes when nobody ends it. */
const LONG: [string, string[]][] = [
  ['demo', ['demo', '--users', '100000', '--rate', '500']],
  ['bench', ['bench', '--workload', 'sync-win', '--seconds', '600']],
];
const TIMEOUT_MS = 120_000;

describe('P6 demo and bench leave neither folder nor server when they are interrupted', () => {
  for (const [name, args] of LONG) {
    for (const [signal, status] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const])
      test(`${name} by ${signal}`, () => interrupt(args, signal, status, 'pulsecart.db'));
  }

  onDistributedBackends(() => {
    test(
      'demo on backends of its own',
      () => interrupt(['demo', '--engines', 'production', '--rate', '500'], 'SIGINT', 130, 'postgres'),
      TIMEOUT_MS,
    );
  });

  async function interrupt(args: string[], signal: NodeJS.Signals, status: number, sign: string) {
    using folder = temporaryFolder();
    const child = Bun.spawn([process.execPath, '--no-env-file', MAIN, ...args], {
      env: { ...MACHINE, TMPDIR: folder.path },
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'ignore',
    });
    const seen = () => readdirSync(folder.path, { recursive: true }).map(String);
    await eventually(() => seen().some((name) => name.includes(sign)));
    const family = familyOf(child.pid);
    child.kill(signal);
    expect(await child.exited).toBe(status);
    expect(readdirSync(folder.path)).toEqual([]);
    await eventually(() => !family.some(isRunning));
  }
});

test('P6 a demo removes the folder of one that was killed, and not what one keeps whose verdict failed', async () => {
  using folder = temporaryFolder();
  const killed = Bun.spawnSync(['true']).pid;
  const left = [
    `pulsecart-stage-${killed}-abc`,
    'pulsecart-evidence-abc',
    `pulsecart-stage-${process.pid}-abc`,
  ];
  for (const name of left) mkdirSync(join(folder.path, name));
  const { exit } = await runPulsecart(['demo', '--users', '50', '--units', '5'], { TMPDIR: folder.path });
  expect(exit).toBe(0);
  expect(left.map((name) => existsSync(join(folder.path, name)))).toEqual([false, true, true]);
});
