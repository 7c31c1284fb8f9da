import { expect, test } from 'bun:test';
import { chmodSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { distributedBackends } from '../support/backends.ts';
import { MAIN, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Four backends' starts and a small sale, on a machine that runs other tests beside it. */
const DEMO_TIMEOUT_MS = 120_000;

test.skipIf(!distributedBackends)(
  'the demo on distributed backends passes every verdict, and leaves nothing behind',
  async () => {
    using folder = temporaryFolder();
    // PostgreSQL and RabbitMQ run as their own users, who have to get at their folders in it.
    chmodSync(folder.path, 0o755);
    const flags = [
      '--engines',
      'production',
      '--users',
      '2000',
      '--units',
      '100',
      '--rate',
      '2000',
      '--json',
    ];
    const { exit, stdout, stderr } = await runToEnd(
      [process.execPath, '--no-env-file', MAIN, 'demo', ...flags],
      { env: { TMPDIR: folder.path }, timeoutMs: DEMO_TIMEOUT_MS },
    );
    const result = JSON.parse(stdout || '{}');
    const failed = result.verdicts?.filter(({ pass }: { pass: boolean }) => !pass);
    expect({ exit, stderr, failed }).toEqual({ exit: 0, stderr: '', failed: [] });
    expect(result).toMatchObject({ users: 2000, units: 100, sold: 100, reserved: 0, oversold: 0, errors: 0 });
    // The API's two processes answer as one exit, the worker has its own.
    const stopped = result.verdicts.find(
      ({ name }: { name: string }) => name === 'every process stopped in order',
    );
    expect(stopped.detail).toBe('exit 0, exit 0');
    expect(readdirSync(folder.path)).toEqual([]);
    expect(processesOf(folder.path)).toEqual([]);
  },
  DEMO_TIMEOUT_MS + 10_000,
);

/** Processes that were told of the folder, as servers are, or that live in it, as backends do. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const belongs =
          readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder) ||
          readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
        return belongs ? [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')] : [];
      } catch {
        return []; // It has ended, or is somebody else's.
      }
    });
}
