import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { ROOT } from '../support/command.ts';

/** Words of our own that the field's have taken the place of, so that none comes back. */
const RETIRED: Readonly<Record<string, string>> = {
  aftermath: 'reconciliation',
  badDay: 'fault injection',
  belongings: 'contents',
  captures_told_total: 'late_payments_total',
  catalogue: 'stock cache',
  charges_found_total: 'charges_recovered_total',
  companyBooks: 'provider state',
  createAcceptance: 'createIntake',
  createFinder: 'createBatchedLookup',
  createLane: 'createNamedQueue',
  createRates: 'createLiveStats',
  deadQueue: 'dead-letter reader',
  desk: 'purchase batcher',
  doomed: 'scripted',
  ENGINE_NAMES: 'BACKEND_NAMES',
  fateTeller: 'fault injection',
  freezer: 'pause',
  gate_bypasses_total: 'admission_bypass_total',
  gatherEvidence: 'collectArtifacts',
  hammer: 'load',
  house: 'app, service, fixture',
  hub: 'dispatcher',
  ifWeDie: 'onParentDeath',
  lateCaptures: 'latePayments',
  likeness: 'differential',
  live_told_total: 'stream_events_sent_total',
  live_turned_away_total: 'stream_connections_rejected_total',
  makeHome: 'makeWorkspace',
  onProductionEngines: 'onDistributedBackends',
  openStages: 'openEnvironments',
  outbox: 'charge enqueuer, publisher (a table that is one may be called so)',
  parcel: 'outbound message',
  poisonLedger: 'failRows',
  PrivateEngine: 'PrivateBackend',
  ProductionShop: 'DistributedShop',
  slotOf: 'rowKeyOf',
  togetherOrAlone: 'batchOrEach',
  untilUp: 'waitReady',
  waitingRoom: 'pendingAdmissions',
  waker: 'notifier',
  wholeDay: 'soak',
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
