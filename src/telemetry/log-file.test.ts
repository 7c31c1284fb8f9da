import { expect, test } from 'bun:test';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../tests/support/folder.ts';
import { OLD_FILES_MAX, openLogFile } from './log-file.ts';

type Writer = ReturnType<typeof openLogFile>;
const line = (i: number, bytes = 1_000) => `${JSON.stringify({ i, pad: 'x'.repeat(bytes) })}\n`;

/** Every line of the file and of the renamed ones, the oldest first. */
function linesIn(folder: string): { i: number; from?: string }[] {
  const names = readdirSync(folder).toSorted();
  return [...names.slice(1), names[0]!]
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text));
}

test('a file that has reached its size is renamed, and no line is lost', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'logs', 'pulsecart.log');
  const file = openLogFile({ path, bytesMax: 200_000 });
  for (let i = 0; i < 600; i++) file.write(line(i));
  const names = readdirSync(join(folder.path, 'logs')).toSorted();
  expect(names.length).toBe(3);
  expect(names[0]).toBe('pulsecart.log');
  expect(names[1]).toMatch(/^pulsecart\.log\.\d{4}-\d\d-\d\dT/);
  expect(linesIn(join(folder.path, 'logs')).map(({ i }) => i)).toEqual(
    Array.from({ length: 600 }, (_, i) => i),
  );
});

test('of the renamed files the newest are kept, and a file of somebody else is left alone', () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'pulsecart.log.mine'), '');
  const file = openLogFile({ path: join(folder.path, 'pulsecart.log'), bytesMax: 100_000 });
  for (let i = 0; i < 3_000; i++) file.write(line(i));
  const names = readdirSync(folder.path);
  expect(names.filter((name) => /\.\d{4}-/.test(name))).toHaveLength(OLD_FILES_MAX);
  expect(names).toContain('pulsecart.log.mine');
  expect(readFileSync(join(folder.path, 'pulsecart.log'), 'utf8')).toContain('"i":2999');
});

test('a full file that is there at the start is renamed before the first line', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'pulsecart.log');
  writeFileSync(path, line(0, 2_000));
  openLogFile({ path, bytesMax: 1_000 }).write(line(1, 1));
  expect(readdirSync(folder.path)).toHaveLength(2);
  expect(readFileSync(path, 'utf8')).toBe(line(1, 1));
});

test('a file that another program renamed is followed by a new one', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'pulsecart.log');
  const file = openLogFile({ path, bytesMax: 100_000_000 });
  file.write(line(0));
  renameSync(path, `${path}.1`);
  for (let i = 1; i < 200; i++) file.write(line(i));
  expect(existsSync(path)).toBe(true);
  expect(linesIn(folder.path)).toHaveLength(200);
});

test('a writer follows when another one of the same file has rotated it', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'pulsecart.log');
  const [one, other] = [1, 2].map(() => openLogFile({ path, bytesMax: 200_000 })) as [Writer, Writer];
  for (let i = 0; i < 280; i++) one.write(line(i));
  expect(readdirSync(folder.path)).toHaveLength(2);
  for (let i = 280; i < 380; i++) other.write(line(i));
  expect(readFileSync(path, 'utf8')).toContain('"i":379');
  expect(readdirSync(folder.path)).toHaveLength(2);
  expect(linesIn(folder.path)).toHaveLength(380);
});

test('processes that share a file rotate it without losing or cutting a line', async () => {
  using folder = temporaryFolder();
  const script = `
    import { openLogFile } from '${import.meta.dir}/log-file.ts';
    const file = openLogFile({ path: '${join(folder.path, 'pulsecart.log')}', bytesMax: 600_000 });
    for (let i = 0; i < 500; i++) {
      file.write(JSON.stringify({ i, from: process.argv.at(-1), pad: 'x'.repeat(1000) }) + '\\n');
      if (i % 20 === 0) await Bun.sleep(1);
    }
    process.exit(0);`;
  const writers = ['a', 'b', 'c'].map((name) =>
    Bun.spawn([process.execPath, '-e', script, name], { stdout: 'inherit', stderr: 'inherit' }),
  );
  expect(await Promise.all(writers.map(({ exited }) => exited))).toEqual([0, 0, 0]);
  expect(readdirSync(folder.path).length).toBeGreaterThan(1);
  const lines = linesIn(folder.path);
  expect(lines).toHaveLength(1_500);
  expect(new Set(lines.map(({ i, from }) => `${from}${i}`)).size).toBe(1_500);
});

test('a file that cannot be opened is one clear error', () => {
  using folder = temporaryFolder();
  const notAFolder = join(folder.path, 'file');
  writeFileSync(notAFolder, '');
  for (const path of [join(notAFolder, 'pulsecart.log'), folder.path])
    expect(() => openLogFile({ path, bytesMax: 1_000 })).toThrow(
      new RegExp(`^PULSECART_LOG_FILE: ${path} cannot be written \\(E[A-Z]+\\)\\.$`),
    );
});

test('a folder that is moved away is made anew, and throws nothing into a caller', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'logs', 'pulsecart.log');
  const file = openLogFile({ path, bytesMax: 10_000_000 });
  renameSync(join(folder.path, 'logs'), join(folder.path, 'gone'));
  for (let i = 0; i < 300; i++) file.write(line(i));
  // In the old file until the loss is found, then in a new one where it was.
  const lines = [...linesIn(join(folder.path, 'gone')), ...linesIn(join(folder.path, 'logs'))];
  expect(lines.map(({ i }) => i)).toEqual(Array.from({ length: 300 }, (_, i) => i));
});

test('a link stays, and the file that it leads to is rotated', () => {
  using folder = temporaryFolder();
  const target = join(folder.path, 'disk', 'target.log');
  mkdirSync(join(folder.path, 'disk'));
  writeFileSync(target, '');
  const link = join(folder.path, 'link.log');
  symlinkSync(target, link);
  const file = openLogFile({ path: link, bytesMax: 100_000 });
  for (let i = 0; i < 300; i++) file.write(line(i));
  expect(readlinkSync(link)).toBe(target);
  expect(readdirSync(join(folder.path, 'disk')).length).toBeGreaterThan(1);
});
