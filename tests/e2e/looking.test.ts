import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Commands that look at a data folder, or need a folder of their own, and what they find there. */

/** As somebody has it who was given a copy of the file. */
async function folderWithTheFileAlone() {
  const folder = temporaryFolder();
  const made = join(folder.path, 'made');
  expect(await runPulsecart(['migrate', '--data', made])).toMatchObject({ exit: 0 });
  const data = join(folder.path, 'data');
  mkdirSync(data);
  copyFileSync(join(made, 'pulsecart.db'), join(data, 'pulsecart.db'));
  return { ...folder, data };
}

describe('P6 a command that only looks leaves the folder as it was:', () => {
  for (const command of [['doctor', '--port', '0'], ['audit'], ['migrate', '--check'], ['backup']]) {
    test(command.join(' '), async () => {
      using folder = await folderWithTheFileAlone();
      const file = join(folder.data, 'pulsecart.db');
      const before = readFileSync(file);
      const args = command[0] === 'backup' ? ['backup', join(folder.path, 'copy.db')] : command;
      expect(await runPulsecart([...args, '--data', folder.data])).toMatchObject({ exit: 0 });
      expect(readdirSync(folder.data)).toEqual(['pulsecart.db']);
      expect(readFileSync(file).equals(before)).toBe(true);
    });
  }
});

describe('P6 what stands in the way of a command is one line:', () => {
  async function oneLine(args: readonly string[], env: Record<string, string>, line: RegExp): Promise<void> {
    const { exit, stdout, stderr } = await runPulsecart(args, env);
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: '' });
    expect(stderr).toMatch(/^pulsecart: [^\n]*\n$/);
    expect(stderr).toMatch(line);
  }

  for (const command of ['audit', 'backup']) {
    const args = (path: string) => (command === 'backup' ? ['backup', join(path, 'copy.db')] : ['audit']);

    test(`${command} of a file instead of a folder`, async () => {
      using folder = temporaryFolder();
      const data = join(folder.path, 'file');
      writeFileSync(data, 'somebody’s');
      await oneLine([...args(folder.path), '--data', data], {}, /There is no PulseCart data in /);
    });

    test(`${command} of a database whose tables were not made yet`, async () => {
      using folder = temporaryFolder();
      using db = new Database(join(folder.path, 'pulsecart.db'), { create: true });
      db.run('CREATE TABLE elsewhere (id INTEGER)');
      const line =
        /has schema 0, and this PulseCart reads schema \d+: `pulsecart migrate` brings it up to date/;
      await oneLine([...args(folder.path), '--data', folder.path], {}, line);
      expect(readdirSync(folder.path).filter((name) => name.includes('copy'))).toEqual([]);
    });
  }

  test('audit of a folder that cannot be reached', async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, 'loop');
    symlinkSync(data, data);
    await oneLine(['audit', '--data', data], {}, /pulsecart\.db cannot be looked at: ELOOP/);
  });

  test('reset of what cannot be deleted', async () => {
    using folder = await folderWithTheFileAlone();
    const journal = join(folder.data, 'pulsecart.db-journal');
    mkdirSync(join(journal, 'somebody’s'), { recursive: true });
    const { exit, stderr } = await runPulsecart(['reset', '--yes', '--json', '--data', folder.data]);
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^pulsecart: [^\n]*pulsecart\.db-journal cannot be deleted: [^\n]*\n$/);
  });

  test('a server that goes away while dead letters are discarded: what is done already is said', async () => {
    let calls = 0;
    await using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () =>
        calls++ === 0
          ? Response.json({ letters: 5, items: 7, truncated: true })
          : Response.json({ message: 'The service is stopping' }, { status: 503 }),
    });
    const args = ['dlq', 'discard', '--cause', 'x', '--reason', 'x', '--url', server.url.origin];
    await oneLine(
      args,
      {},
      /answered 503: The service is stopping\. Before that 5 letters were discarded: the same/,
    );
  });

  test('demo without a temporary folder', async () => {
    await oneLine(
      ['demo', '--users', '10'],
      { TMPDIR: '/nowhere/at-all' },
      /No folder can be made in \/nowhere/,
    );
  });
});
