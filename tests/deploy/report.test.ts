import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReportData } from '../../bench/report/report-data.ts';
import { haveBrowser, widthWanted } from '../support/browser.ts';
import { MAIN, runToEnd } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';

/** The whole report, with short loads; and its page in a real browser. */

const browser = await haveBrowser();
const TIMEOUT_MS = 240_000;
const SHORT = [
  '--users',
  '2000',
  '--units',
  '200',
  '--seconds',
  '1',
  '--repeats',
  '1',
  '--sweep-seconds',
  '1',
];

test.skipIf(browser === null)(
  'the whole report measures loads up to past saturation and all at once, and its page fits a phone, a screen and paper',
  async () => {
    using place = temporaryFolder();
    const args = ['report', ...SHORT, '--at-once', '300', '--out', place.path];
    const command = [process.execPath, '--no-env-file', MAIN, ...args];
    const { exit, stderr } = await runToEnd(command, { timeoutMs: TIMEOUT_MS });
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    const folder = join(place.path, readdirSync(place.path)[0]!);
    const data: ReportData = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
    expect(data.partial).toBe(false);
    expect(data.saturation.map(({ way }) => way)).toEqual(['sync', 'async']);
    const loads = data.sweepRuns.filter(({ way }) => way === 'sync').map(({ offeredPerS }) => offeredPerS);
    expect(loads).toEqual(loads.toSorted((a, b) => a - b));
    expect(loads.length).toBe(6);
    // The heaviest is beyond what the closed loop reached.
    expect(loads.at(-1)!).toBeGreaterThan(1.2 * data.saturation[0]!.perS);
    expect(data.atOnceRuns.map(({ users }) => users)).toEqual([300, 300]);
    const page = readFileSync(join(folder, 'report.html'), 'utf8');
    for (const width of [390, 1440]) {
      expect(await widthWanted(browser!, page, width)).toBeLessThanOrEqual(width);
    }
    expect(readFileSync(join(folder, 'report.pdf')).subarray(0, 5).toString()).toBe('%PDF-');
  },
  TIMEOUT_MS,
);
