import { expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportData } from '../../bench/report/report-data.ts';
import { familyOf, signalAll } from '../../bench/services/processes.ts';
import { MAIN, runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { madeUpReport } from '../support/report-data.ts';
import { until } from '../support/until.ts';

/** `pulsecart report`: a small sale both ways, and what becomes of its files. The whole report runs with the deploy tests. */

const SMALL = ['--users', '400', '--units', '50', '--seconds', '1', '--sweep-seconds', '0', '--at-once', '0'];

test('a report holds the sale both ways on fresh servers, and writes what it measured', async () => {
  using place = temporaryFolder();
  const args = ['report', ...SMALL, '--repeats', '1', '--out', place.path];
  const { exit, stdout, stderr } = await runPulsecart(args);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  expect(stdout).toMatch(/PASS {2}\d\d verdicts, in all runs/);
  const folder = onlyFolderIn(place.path);
  const data = readData(folder);
  expect(data.saleRuns.map(({ way }) => way)).toEqual(['sync', 'async']);
  for (const run of data.saleRuns) {
    const { sold = 0, confirmed = 0, refused = 0, rejected = 0 } = run.outcomes;
    expect([sold + confirmed, refused + rejected]).toEqual([50, 350]);
    expect(run.outcome.count).toBe(400);
    expect(run.soldOutMs).toBeGreaterThan(0);
    expect(run.samples.length).toBeGreaterThan(3);
    expect(run.samples.at(-1)).toMatchObject({ available: 0 });
    expect(run.cpu.serverMs).toBeGreaterThan(0);
    // Of those that were sold: a refusal after the sell-out goes through no batch.
    if (run.batchMean !== null) expect(run.batchMean).toBeWithin(1, 513);
    expect(run.verdicts.filter(({ pass }) => !pass)).toEqual([]);
  }
  // Accepted before decided.
  const [, asynchronous] = data.saleRuns;
  expect(asynchronous!.answer.p50).toBeLessThanOrEqual(asynchronous!.outcome.p50!);
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('Which way to use');
  expect(readFileSync(join(folder, 'report.md'), 'utf8')).toContain('| p99.9 |');
});

test('Ctrl-C keeps the runs that were over, marked as a part', async () => {
  using place = temporaryFolder();
  const args = ['report', ...SMALL, '--repeats', '9', '--out', place.path];
  const child = start(args);
  await until(() => existsSync(join(onlyFolderIn(place.path), 'report.json')));
  child.kill('SIGINT');
  const stdout = await new Response(child.stdout).text();
  expect(await child.exited).toBe(130);
  expect(stdout).toContain('The report was interrupted: parts of it are missing.');
  const data = readData(onlyFolderIn(place.path));
  expect(data.partial).toBe(true);
  expect(data.saleRuns.length).toBeWithin(1, 18);
});

test('a server that dies in the middle is named, and the runs before it are kept', async () => {
  using place = temporaryFolder();
  const args = ['report', ...SMALL, '--repeats', '9', '--out', place.path];
  const child = start(args);
  await until(() => existsSync(join(onlyFolderIn(place.path), 'report.json')));
  // The servers of one run after the other; the one that is hit is in a sale.
  await until(() => {
    signalAll(familyOf(child.pid).slice(1), 'SIGKILL');
    return child.exitCode !== null;
  });
  expect(child.exitCode).toBe(1);
  expect(await new Response(child.stderr).text()).toMatch(/^pulsecart: (The|the) server /);
  const data = readData(onlyFolderIn(place.path));
  expect([data.partial, data.saleRuns.length > 0]).toEqual([true, true]);
});

test('a folder that cannot be written is named before anything is measured', async () => {
  using place = temporaryFolder();
  const file = join(place.path, 'taken');
  writeFileSync(file, '');
  const { exit, stdout, stderr } = await runPulsecart(['report', ...SMALL, '--out', file]);
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' });
  expect(stderr).toStartWith(`pulsecart: The report cannot be written to ${file}: `);
});

test('a report is written again from its data, and two are compared', async () => {
  using place = temporaryFolder();
  const write = (name: string, data: unknown) => {
    const path = join(place.path, name);
    writeFileSync(path, JSON.stringify(data));
    return path;
  };
  const a = write('a.json', madeUpReport());
  const b = write('b.json', madeUpReport({ sync: [3, 3.1, 3.2] }));
  const out = join(place.path, 'again');
  expect((await runPulsecart(['report', '--render', a, '--out', out])).exit).toBe(0);
  expect(existsSync(join(onlyFolderIn(out), 'report.html'))).toBe(true);
  expect((await runPulsecart(['report', '--render', a])).exit).toBe(0);
  expect(existsSync(join(place.path, 'report.md'))).toBe(true);
  const compared = await runPulsecart(['report', '--compare', a, b]);
  expect(compared).toMatchObject({ exit: 0, stderr: '' });
  expect(compared.stdout).toMatch(/sync: outcome p99 .* worse\n/);
  expect(compared.stdout).toMatch(/async: outcome p99 .* no difference shown\n/);
});

test('a file that is no report, an older one and a damaged one are told apart', async () => {
  using place = temporaryFolder();
  const path = join(place.path, 'report.json');
  const compareWith = async (text: string) => {
    writeFileSync(path, text);
    const { exit, stderr } = await runPulsecart(['report', '--compare', path, place.path]);
    expect(exit).toBe(2);
    return stderr.replaceAll(path, 'FILE');
  };
  expect(await compareWith('not JSON')).toBe(
    "pulsecart: FILE is no JSON; a report's data is in its report.json\n",
  );
  expect(await compareWith('{"metrics":{}}')).toBe(
    'pulsecart: FILE is no report of this program: its "format" is not "pulsecart-report"\n',
  );
  expect(await compareWith(JSON.stringify({ ...madeUpReport(), version: 0 }))).toBe(
    'pulsecart: FILE is a report of version 0, and this program reads version 1: make it again\n',
  );
  const { saleRuns: _, ...damaged } = madeUpReport();
  expect(await compareWith(JSON.stringify(damaged))).toStartWith('pulsecart: FILE is damaged: ');
  const [first, ...others] = madeUpReport().saleRuns;
  const broken = { ...madeUpReport(), saleRuns: [{ ...first!, answer: null }, ...others] };
  expect(await compareWith(JSON.stringify(broken))).toStartWith(
    'pulsecart: FILE is damaged: /saleRuns/0/answer ',
  );
  const missing = await runPulsecart(['report', '--compare', join(place.path, 'nowhere'), path]);
  expect(missing).toMatchObject({ exit: 2, stderr: expect.stringContaining('nowhere cannot be read') });
  const one = await runPulsecart(['report', '--compare', path]);
  expect(one).toMatchObject({ exit: 2, stderr: expect.stringContaining('--compare takes two reports') });
});

function start(args: readonly string[]) {
  return Bun.spawn([process.execPath, '--no-env-file', MAIN, ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
}

/** Fails while there is none; the report makes its folder first of all. */
function onlyFolderIn(place: string): string {
  const folders = readdirSync(place, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.length).toBeLessThan(2);
  return join(place, folders[0]?.name ?? 'none yet');
}

function readData(folder: string): ReportData {
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
}
