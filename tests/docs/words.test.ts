import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { ROOT } from '../support/command.ts';

/** Words of our own that the field's have taken the place of, so that none comes back. */
const RETIRED: Readonly<Record<string, string>> = {
  catalogue: 'stock cache',
  createFinder: 'createBatchedLookup',
  hub: 'dispatcher',
  house: 'app, service, fixture',
  lateCaptures: 'latePayments',
  outbox: 'charge enqueuer, publisher (a table that is one may be called so)',
  togetherOrAlone: 'batchOrEach',
  waitingRoom: 'pendingAdmissions',
  whyNot: 'refusalReason',
};
/** Where such a word means what everybody takes it for. */
const MEANT = [
  // The pattern of that name.
  /the (order's )?row is the outbox|an outbox table|order-row-is-the-outbox/i,
  // A value in a test that stands for somebody's own.
  /'house'/,
];

test('no retired word is used', () => {
  const files = [...new Glob('{src,bench,bin,tests,docs}/**/*.{ts,mjs,sql,lua,md}').scanSync(ROOT)].filter(
    (path) => !path.endsWith('words.test.ts'),
  );
  expect(files.length).toBeGreaterThan(300);
  const word = new RegExp(`(?<![\\w-])(${Object.keys(RETIRED).join('|')})(?![\\w])`, 'i');
  const used = files.flatMap((path) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .filter((line) => word.test(line) && !MEANT.some((meant) => meant.test(line)))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(used).toEqual([]);
});
