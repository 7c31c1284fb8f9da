import { describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readyLine } from '../../bench/server-process.ts';
import { LAUNCHER, MACHINE, ROOT, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { isRunning } from '../support/processes.ts';
import { eventually } from '../support/shop.ts';

/** `node bin/pulsecart.mjs`: from outside the launcher and the program behind it are one. */

const NODE = Bun.which('node') ?? 'node';

describe('the launcher', () => {
  test('shows the help of the program', async () => {
    const { exit, stdout, stderr } = await runToEnd([NODE, LAUNCHER, '--help']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toStartWith('pulsecart COMMAND');
  });

  test('exits with the status of the program', async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, 'file'), '');
    const usage = await runToEnd([NODE, LAUNCHER, 'nonsense']);
    const failure = await runToEnd([NODE, LAUNCHER, 'audit', '--data', join(folder.path, 'file')]);
    expect([usage.exit, failure.exit]).toEqual([2, 1]);
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    test(`hands ${signal} to the server, which ends in order`, async () => {
      await using launched = await launch();
      launched.launcher.kill(signal);
      await launched.launcher.exited;
      const ended = launched.launcher.signalCode ?? launched.launcher.exitCode;
      // Nobody told the server what a hang-up means, so it does what every program does.
      expect(ended).toBe(signal === 'SIGHUP' ? 'SIGHUP' : 0);
      expect(isRunning(launched.serverPid)).toBe(false);
    });
  }

  test('ends by the signal that ended the server', async () => {
    await using launched = await launch();
    process.kill(launched.serverPid, 'SIGKILL');
    await launched.launcher.exited;
    expect(launched.launcher.signalCode).toBe('SIGKILL');
  });

  test('leaves no server behind when it is killed', async () => {
    await using launched = await launch();
    launched.launcher.kill('SIGKILL');
    await launched.launcher.exited;
    await eventually(() => !isRunning(launched.serverPid));
  });
});

describe('Bun is found', () => {
  test('in its own package while node_modules/bun holds only the stub', async () => {
    using project = copyOfProject();
    writeStub(project.path);
    const folder = join(project.path, 'node_modules', '@oven', platformName(), 'bin');
    mkdirSync(folder, { recursive: true });
    symlinkSync(process.execPath, join(folder, process.platform === 'win32' ? 'bun.exe' : 'bun'));
    await expectHelp(project.path);
  });

  test('where the install script of its package puts it, with no platform package', async () => {
    using project = copyOfProject();
    const folder = join(project.path, 'node_modules', 'bun', 'bin');
    mkdirSync(folder, { recursive: true });
    symlinkSync(process.execPath, join(folder, 'bun.exe'));
    await expectHelp(project.path);
  });

  test('nowhere is said in one line', async () => {
    for (const prepare of [() => {}, writeStub]) {
      using project = copyOfProject();
      prepare(project.path);
      const { exit, stdout, stderr } = await runToEnd([
        NODE,
        join(project.path, 'bin', 'pulsecart.mjs'),
        'serve',
      ]);
      expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
      expect(stderr).toMatch(/^pulsecart: Bun is not installed here; run `npm ci` first .*\n$/);
    }
  });

  async function expectHelp(project: string): Promise<void> {
    const { exit, stdout, stderr } = await runToEnd([NODE, join(project, 'bin', 'pulsecart.mjs'), '--help']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toStartWith('pulsecart COMMAND');
  }

  /** The launcher and the program, without anything that npm installs. */
  function copyOfProject() {
    const folder = temporaryFolder();
    cpSync(join(ROOT, 'bin'), join(folder.path, 'bin'), { recursive: true });
    symlinkSync(join(ROOT, 'src'), join(folder.path, 'src'));
    return folder;
  }

  /** What the package leaves when its install script may not run. */
  function writeStub(project: string): void {
    const folder = join(project, 'node_modules', 'bun', 'bin');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'bun.exe'), 'echo "Error: the postinstall script was not run" >&2\nexit 1\n', {
      mode: 0o755,
    });
  }

  function platformName(): string {
    const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;
    return `bun-${process.platform === 'win32' ? 'windows' : process.platform}-${arch}`;
  }
});

/** A server behind the launcher. `await using` ends both. */
async function launch() {
  const folder = temporaryFolder();
  const launcher = Bun.spawn([NODE, LAUNCHER, 'serve', '--port', '0', '--data', folder.path], {
    env: { ...MACHINE, PULSECART_DRAIN_MS: '0' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const decoder = new TextDecoder();
  let output = '';
  for await (const bytes of launcher.stdout) {
    output += decoder.decode(bytes, { stream: true });
    const line = readyLine(output);
    if (line === null) continue;
    return {
      launcher,
      serverPid: line.pid,
      async [Symbol.asyncDispose]() {
        launcher.kill('SIGKILL');
        await launcher.exited;
        await eventually(() => !isRunning(line.pid));
        folder[Symbol.dispose]();
      },
    };
  }
  folder[Symbol.dispose]();
  throw new Error(`the server did not start: ${output}`);
}
