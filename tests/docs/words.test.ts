import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Glob } from 'bun';
import { ROOT } from '../support/command.ts';

/** Words of our own that the field's have taken the place of, so that none comes back. */
const RETIRED: Readonly<Record<string, string>> = {
  aftermath: 'reconciliation',
  announceFigures: 'publishStats',
  badDay: 'fault injection',
  belongings: 'contents',
  captures_told_total: 'late_payments_total',
  catalogue: 'stock cache',
  charges_found_total: 'charges_recovered_total',
  companyBooks: 'provider state',
  createAcceptance: 'createIntake',
  createDuties: 'createLeader',
  createFinder: 'createBatchedLookup',
  createLane: 'createNamedQueue',
  createLive: 'createStockStream',
  createPacer: 'createThrottle',
  createRates: 'createLiveStats',
  createSettlement: 'createPaymentProcessor',
  deadQueue: 'dead-letter reader',
  desk: 'purchase batcher',
  doomed: 'scripted',
  duty: 'leader lease',
  ENGINE_NAMES: 'BACKEND_NAMES',
  fateTeller: 'fault injection',
  finder: 'batched look-up',
  freezer: 'pause',
  gate_bypasses_total: 'admission_bypass_total',
  gatherEvidence: 'collectArtifacts',
  hammer: 'load',
  house: 'app, service, fixture',
  house_full: 'too_many',
  hub: 'dispatcher',
  ifWeDie: 'onParentDeath',
  lane: 'queue',
  lateCaptures: 'latePayments',
  likeness: 'differential',
  live_told_total: 'stream_events_sent_total',
  live_turned_away_total: 'stream_connections_rejected_total',
  LoggedOperation: 'StoredAuditEntry',
  mailbox: 'buffer',
  makeHome: 'makeWorkspace',
  onMoved: 'changes',
  onProductionEngines: 'onDistributedBackends',
  onReserved: 'changes',
  onStandings: 'changes',
  openStages: 'openEnvironments',
  outbox: 'charge enqueuer, publisher (a table that is one may be called so)',
  pacer: 'throttle',
  parcel: 'outbound message',
  poisonLedger: 'failRows',
  PrivateEngine: 'PrivateBackend',
  ProductionShop: 'DistributedShop',
  putAside: 'deadLettered',
  settlement: 'payments',
  shelf: 'watched products, product store',
  slotOf: 'rowKeyOf',
  standing: 'stock version',
  standingOf: 'stockOf',
  tally: 'counter',
  till: 'product state',
  tills: 'product states',
  togetherOrAlone: 'batchOrEach',
  toldCaptures: 'latePayments',
  twin: 'concurrent duplicate',
  untilUp: 'waitReady',
  waitingRoom: 'pendingAdmissions',
  waker: 'notifier',
  wholeDay: 'soak',
  whyNot: 'refusalReason',
  wish: 'request',
};
/** Where such a word means what everybody takes it for. */
const MEANT = [
  // The pattern of that name.
  /the (order's )?row is the outbox|an outbox table|order-row-is-the-outbox/i,
  // A value in a test that stands for somebody's own.
  /'house'/,
];

test('no retired word is used', () => {
  const files = [
    ...new Glob('{src,bench,bin,tests,docs}/**/*.{ts,tsx,mjs,sql,lua,md}').scanSync(ROOT),
  ].filter((path) => !path.endsWith('words.test.ts'));
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
