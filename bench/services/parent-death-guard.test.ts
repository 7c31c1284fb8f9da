import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { until } from '../../tests/support/until.ts';

describe.skipIf(process.platform !== 'linux')('a guard', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pulsecart-guard-'));
    // On a busy machine it takes as long by itself. It counts, because a child of its own would be taken for the guard's.
    const slowly = 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done';
    writeFileSync(join(folder, 'sh'), `#!/bin/sh\n${slowly}\nexec /bin/sh "$@"\n`);
    chmodSync(join(folder, 'sh'), 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Starts a process that asks for a guard and then says so. */
  const startGuarded = (mark: string, afterwards = '') => {
    const script = `
      const { onParentDeath } = await import('${import.meta.dir}/parent-death-guard.ts');
      const guard = onParentDeath('touch ${mark}');
      guard.awaitStart();
      ${afterwards}
      console.log('guarded');
      await new Promise(() => setInterval(() => {}, 60_000));`;
    return Bun.spawn([process.execPath, '--no-orphans', '-e', script], {
      env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
      stdout: 'pipe',
      stderr: 'inherit',
    });
  };
  const heard = async (stream: ReadableStream<Uint8Array>) => {
    for await (const _ of stream) return;
  };

  test('does its work for a process that is killed at once, however slowly the guard itself starts', async () => {
    const mark = join(folder, 'killed');
    const guarded = startGuarded(mark);
    await heard(guarded.stdout);
    guarded.kill('SIGKILL');
    await until(() => existsSync(mark));
  });

  test('that was dismissed does nothing', async () => {
    const mark = join(folder, 'dismissed');
    const ended = join(folder, 'ended');
    const guarded = startGuarded(mark, `guard.dismiss(); onParentDeath('touch ${ended}').awaitStart();`);
    await heard(guarded.stdout);
    guarded.kill('SIGKILL');
    await until(() => existsSync(ended));
    expect(existsSync(mark)).toBe(false);
  });
});
