// How long each test file took the last time that somebody kept it. Bun starts the longest ones first by it, so that none of
// them is left to one core at the end.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './run.mjs';

const KEPT = join(ROOT, 'tests', 'timings.json');
/** Files that are quicker fit in anywhere. */
const KEPT_MS_MIN = 2_000;
const SHOWN = 10;

/** `flags` make Bun use what was kept, and measure. */
export function measureTimings() {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-timings-'));
  const file = join(folder, 'timings.json');
  const kept = JSON.parse(readFileSync(KEPT, 'utf8'));
  writeFileSync(file, JSON.stringify(kept));
  return {
    flags: [`--timings=${file}`, '--update-timings'],
    /** The files that ran, the longest first: [path, milliseconds]. */
    end() {
      const { files } = JSON.parse(readFileSync(file, 'utf8'));
      rmSync(folder, { recursive: true });
      // Bun leaves those that did not run as they were.
      const ran = Object.entries(files).filter(([path, ms]) => ms !== kept.files[path]);
      return ran.sort(([, a], [, b]) => b - a);
    },
  };
}

export function keepTimings(ran) {
  const rounded = ran
    .filter(([, ms]) => ms >= KEPT_MS_MIN)
    .map(([path, ms]) => [path, Math.round(ms / 100) * 100]);
  writeFileSync(KEPT, `${JSON.stringify({ version: 1, files: Object.fromEntries(rounded) }, null, 2)}\n`);
}

export function showLongest(ran) {
  console.log('\nThe longest files, in seconds:');
  for (const [path, ms] of ran.slice(0, SHOWN)) console.log(`${(ms / 1000).toFixed(1).padStart(7)}  ${path}`);
  console.log();
}
