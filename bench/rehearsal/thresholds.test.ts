import { expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../tests/support/folder.ts';
import { DEFAULT_THRESHOLDS, readThresholds } from './thresholds.ts';

function read(text: string) {
  using folder = temporaryFolder();
  const file = join(folder.path, 'rehearsal.json');
  writeFileSync(file, text);
  return readThresholds(file);
}

test('a file says what it wants otherwise than by default, for editors with its schema', () => {
  const given = { $schema: './rehearsal.schema.json', syncP99Ms: 800, backlogAgeMs: null };
  expect(read(JSON.stringify(given))).toEqual({ ...DEFAULT_THRESHOLDS, syncP99Ms: 800, backlogAgeMs: null });
  expect(read('{}')).toEqual(DEFAULT_THRESHOLDS);
});

test.each([
  ['{"syncP99": 800}', /: syncP99 is no threshold; the nearest one is syncP99Ms$/],
  ['{"errorShares": 0}', /: errorShares is no threshold; the nearest one is errorShare$/],
  ['{"constructor": 1}', /: constructor is no threshold; the nearest one is /],
  ['{"syncP99Ms": -1}', /: syncP99Ms must be a number from 0 on, or null for none$/],
  ['{"syncP99Ms": "800"}', /: syncP99Ms must be a number from 0 on, or null for none$/],
  ['{"syncP95Ms": 1e400}', /: syncP95Ms must be a number from 0 on, or null for none$/],
  ['{"errorShare": 2}', /: errorShare is a share of all buyers, from 0 to 1; 2 could never fail$/],
  ['{"$schema": 5}', /: \$schema must be a text$/],
  ['[]', / must hold a JSON object of thresholds$/],
  ['{', / is not JSON: /],
])('%s is refused in one line', (text, line) => {
  expect(() => read(text)).toThrow(line);
});
