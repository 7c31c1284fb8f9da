import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textsOfSamples } from '../../bench/report/write-samples.ts';
import { ROOT } from '../support/command.ts';

/** The published analysis has no figure of its own: it is made from the results that it names. */

test('every figure of ANALYSIS_REPORT.md and of the graphs comes from the files in results/', () => {
  const texts = textsOfSamples();
  expect(texts.size).toBeGreaterThan(8);
  for (const [path, text] of texts) {
    const there = readFileSync(join(ROOT, path), 'utf8');
    // Compared as a whole: after a change `npm run samples` writes them again.
    expect({ path, isMadeFromResults: there === text }).toEqual({ path, isMadeFromResults: true });
  }
});

test('the sample results say what made them, and that it was not k6', () => {
  for (const name of ['sample-sync-results.json', 'sample-async-results.json']) {
    const { made_by } = JSON.parse(readFileSync(join(ROOT, 'results', name), 'utf8'));
    expect(Object.keys(made_by)).toEqual(
      expect.arrayContaining(['what', 'command', 'commit', 'date', 'machine']),
    );
    expect(made_by.what).toContain('stand-in');
  }
});
