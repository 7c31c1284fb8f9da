import { describe, expect, test } from 'bun:test';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { readyLine, startServer } from '../../bench/server-process.ts';
import { readDocument } from '../docs/documents.ts';
import { createCaller } from '../support/caller.ts';
import { MACHINE, ROOT, runPulsecart, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { eventually, openShop } from '../support/shop.ts';

const REQUEST = { productId: 3, quantity: 1, userId: 'ada' };
const TIMEOUT_MS = 60_000;

describe('backup', () => {
  test('P6 a copy of a server that sells has every order answered before it, passes the audit, and is for its owner alone', async () => {
    await using shop = await openShop();
    using folder = temporaryFolder();
    const file = join(folder.path, 'copy.db');
    const bought = (await shop.buy('sync', REQUEST)).json.orderId;
    await shop.reset(1, 1_000_000);
    let selling = true;
    const crowd = (async () => {
      while (selling) expect((await shop.buy('sync', { ...REQUEST, productId: 1 })).status).toBe(200);
    })();
    const { exit, stdout } = await runPulsecart(['backup', file, '--data', shop.folder, '--json']);
    selling = false;
    await crowd;
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file, pass: true, bytes: statSync(file).size });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['copy.db']);
    const data = join(folder.path, 'data');
    mkdirSync(data);
    copyFileSync(file, join(data, 'pulsecart.db'));
    await using restored = await startOn(data);
    expect((await restored.get(`/api/v1/orders/${bought}`)).status).toBe(200);
  });

  test('P6 a backup overwrites no file, and leaves none where it fails', async () => {
    await using shop = await openShop();
    using folder = temporaryFolder();
    const file = join(folder.path, 'copy.db');
    await Bun.write(file, 'the backup of last week');
    const there = await runPulsecart(['backup', file, '--data', shop.folder]);
    expect(there).toMatchObject({ exit: 2, stdout: '' });
    expect(there.stderr).toMatch(/^pulsecart: .*copy\.db is there already, .*name a new file\n$/);
    expect(readFileSync(file, 'utf8')).toBe('the backup of last week');
    const nothing = await runPulsecart([
      'backup',
      join(folder.path, 'new.db'),
      '--data',
      join(folder.path, 'data'),
    ]);
    expect(nothing).toMatchObject({ exit: 1, stdout: '' });
    expect(nothing.stderr).toMatch(/^pulsecart: There is no PulseCart data in .*\n$/);
    expect(readdirSync(folder.path)).toEqual(['copy.db']);
  });

  test('P6 a backup removes what a killed one left of the same file, and nothing else', async () => {
    await using shop = await openShop();
    using folder = temporaryFolder();
    const killed = Bun.spawnSync(['true']).pid;
    mkdirSync(join(folder.path, `.copy.db.unfinished-${killed}-abc`));
    mkdirSync(join(folder.path, `.other.db.unfinished-${killed}-abc`));
    const { exit } = await runPulsecart(['backup', join(folder.path, 'copy.db'), '--data', shop.folder]);
    expect(exit).toBe(0);
    expect(readdirSync(folder.path).toSorted()).toEqual([`.other.db.unfinished-${killed}-abc`, 'copy.db']);
  });

  test('P6 on distributed backends a backup does nothing, and names what PostgreSQL has for it', async () => {
    using folder = temporaryFolder();
    const env = { DATABASE_URL: 'postgres://me:hidden@127.0.0.1:1/shop' };
    const ended = await runPulsecart(['backup', join(folder.path, 'copy.db')], env);
    expect(ended).toMatchObject({ exit: 2, stdout: '' });
    expect(ended.stderr).toMatch(/^pulsecart: [^\n]*pg_dump[^\n]*\n$/);
    expect(ended.stderr).not.toContain('hidden');
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test(
    'P6 backing up and restoring work word for word as docs/operating.md says',
    async () => {
      const section = readDocument('docs/operating.md')
        .split('## Back up and restore\n')[1]!
        .split('\n## ')[0]!;
      const [backUp, restore, ...others] = [...section.matchAll(/```sh\n(.*?)```/gs)].map(
        ([, block]) => block!,
      );
      expect([typeof backUp, typeof restore, others]).toEqual(['string', 'string', []]);
      using project = projectOfItsOwn();
      const run = ['bash', '-ec'];
      let kept: string;
      {
        await using shop = await startOn(join(project.path, 'data'));
        kept = (await shop.buy('sync', REQUEST)).json.orderId;
        const ended = await runToEnd([...run, backUp!], { cwd: project.path });
        expect(ended).toMatchObject({ exit: 0, stderr: '' });
        expect(ended.stdout).toMatch(/monday\.db: .* MiB, audited: all \d+ verdicts pass\n$/);
        await shop.buy('sync', REQUEST);
      }
      await using restored = await startRestored([...run, restore!], project.path);
      expect((await restored.get(`/api/v1/orders/${kept}`)).status).toBe(200);
      expect((await restored.get(`/api/v1/sync/stock/${REQUEST.productId}`)).json.stock).toBe(99);
    },
    TIMEOUT_MS,
  );
});

async function startOn(dataFolder: string) {
  const server = await startServer({ dataFolder });
  return { ...createCaller(() => server), [Symbol.asyncDispose]: async () => void (await server.kill()) };
}

/** The program in a folder of a test's own, whose data are not those of whoever runs the tests. */
function projectOfItsOwn() {
  const folder = temporaryFolder();
  for (const name of ['package.json', 'bin', 'src', 'bench', 'node_modules'])
    symlinkSync(join(ROOT, name), join(folder.path, name));
  return folder;
}

async function startRestored(command: readonly string[], cwd: string) {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...MACHINE, PORT: '0' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'inherit',
  });
  let output = '';
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) output += text;
  })();
  await eventually(() => readyLine(output) !== null);
  const { url, pid } = readyLine(output)!;
  expect(existsSync(join(cwd, 'restored', 'pulsecart.lock'))).toBe(true);
  return {
    ...createCaller(() => ({ url, operatorToken: null })),
    async [Symbol.asyncDispose]() {
      process.kill(pid, 'SIGKILL');
      await child.exited;
      await reading;
    },
  };
}
