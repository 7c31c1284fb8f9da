import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { ROOT } from '../support/command.ts';

/** Words of our own that the field's have taken the place of, so that none comes back. */
const RETIRED: Readonly<Record<string, string>> = {
  captures_told_total: 'late_payments_total',
  catalogue: 'stock cache',
  charges_found_total: 'charges_recovered_total',
  companyBooks: 'provider state',
  makeHome: 'makeWorkspace',
  createRates: 'createLiveStats',
  createFinder: 'createBatchedLookup',
  createAcceptance: 'createIntake',
  createLane: 'createNamedQueue',
  deadQueue: 'dead-letter reader',
  desk: 'purchase batcher',
  gate_bypasses_total: 'admission_bypass_total',
  doomed: 'scripted',
  fateTeller: 'fault injection',
  freezer: 'pause',
  gatherEvidence: 'collectArtifacts',
  hammer: 'load',
  hub: 'dispatcher',
  house: 'app, service, fixture',
  lateCaptures: 'latePayments',
  likeness: 'differential',
  live_told_total: 'stream_events_sent_total',
  live_turned_away_total: 'stream_connections_rejected_total',
  outbox: 'charge enqueuer, publisher (a table that is one may be called so)',
  aftermath: 'reconciliation',
  badDay: 'fault injection',
  belongings: 'contents',
  openStages: 'openEnvironments',
  parcel: 'outbound message',
  poisonLedger: 'failRows',
  slotOf: 'rowKeyOf',
  togetherOrAlone: 'batchOrEach',
  wholeDay: 'soak',
  waker: 'notifier',
  untilUp: 'waitReady',
  ifWeDie: 'onParentDeath',
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
  const word = new RegExp(`(?<![a-z-])(${Object.keys(RETIRED).join('|')})(?![\\w])`, 'i');
  const used = files.flatMap((path) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .filter((line) => word.test(line) && !MEANT.some((meant) => meant.test(line)))
      .map((line) => `${path}: ${line.trim()}`),
  );
  expect(used).toEqual([]);
});
