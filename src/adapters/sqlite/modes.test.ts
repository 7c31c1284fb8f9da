import { expect, test } from 'bun:test';
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../tests/support/folder.ts';
import { openStore } from './store.ts';

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('what a server keeps is its owner’s alone, and a folder that was there stays as it is', () => {
  using folder = temporaryFolder();
  const made = join(folder.path, 'made');
  const given = join(folder.path, 'given');
  openStore(given).close();
  chmodSync(given, 0o750);
  const stores = [openStore(made), openStore(given)];
  expect([modeOf(made), modeOf(given)]).toEqual(['700', '750']);
  const files = readdirSync(made);
  expect(files.sort()).toEqual([
    'pulsecart.db',
    'pulsecart.db-shm',
    'pulsecart.db-wal',
    'pulsecart.lock',
    'pulsecart.lock-journal',
  ]);
  for (const file of files) expect([file, modeOf(join(made, file))]).toEqual([file, '600']);
  for (const store of stores) store.close();
});

test('a second open that is refused leaves the folder locked for others', () => {
  using folder = temporaryFolder();
  const store = openStore(folder.path);
  expect(() => openStore(folder.path)).toThrow('Another PulseCart process');
  const { stdout } = Bun.spawnSync([
    process.execPath,
    '-e',
    `const { openStore } = await import('${import.meta.dir}/store.ts');
     try { openStore('${folder.path}'); console.log('opened'); } catch (error) { console.log(error.message); }`,
  ]);
  expect(stdout.toString()).toStartWith('Another PulseCart process');
  store.close();
});
