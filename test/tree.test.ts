import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Glob } from 'bun';

/**
 * The tree's own rule: dependencies run one way, domain ← ports ← use cases ← edges ← main. A room may import only what
 * is named here; adapters (files beside a port that are not the port) are known to main and the store thread alone.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ledger: ['domain', 'embedded'],
  gate: ['domain', 'ledger', 'redis'],
  queue: ['domain', 'embedded'],
  feed: ['domain', 'ledger', 'redis'],
  payments: ['domain'],
  redis: ['domain'],
  'private-engines': ['domain'],
  embedded: ['domain', 'ledger', 'queue'],
  purchase: ['domain', 'ledger', 'gate', 'queue', 'feed'],
  settlement: ['domain', 'ledger', 'queue', 'feed', 'payments'],
  reconcile: ['domain', 'ledger', 'gate', 'queue'],
  sales: ['domain', 'ledger', 'gate', 'purchase'],
  operations: ['domain', 'ledger', 'queue', 'purchase', 'settlement'],
  live: ['domain', 'ledger', 'feed', 'purchase'],
  audit: ['domain', 'ledger'],
  observe: ['reconcile', 'domain', 'ledger', 'queue', 'feed', 'purchase', 'settlement', 'operations', 'live'],
  http: [
    'domain',
    'ledger',
    'gate',
    'queue',
    'feed',
    'purchase',
    'settlement',
    'sales',
    'operations',
    'live',
    'observe',
  ],
  load: ['domain', 'private-engines'],
  cli: [
    'domain',
    'ledger',
    'gate',
    'queue',
    'feed',
    'payments',
    'purchase',
    'settlement',
    'reconcile',
    'sales',
    'operations',
    'live',
    'audit',
    'observe',
    'http',
    'load',
    'private-engines',
    'config.ts',
  ],
  'config.ts': ['domain'],
};

/** The files of each port's room that others may know. */
const PORTS = [
  'ledger/ledger.ts',
  'ledger/endings.ts',
  'ledger/sales.ts',
  'ledger/retention.ts',
  'ledger/books.ts',
  'gate/gate.ts',
  'queue/queue.ts',
  'feed/feed.ts',
  'payments/provider.ts',
];
const KNOW_ADAPTERS = ['main.ts', 'maintenance.ts', 'embedded/store-thread.ts', 'embedded/threaded.ts'];
/** What product code takes from outside of src. */
const OUTSIDE = ['../package.json'];
const PORT_ROOMS = ['ledger', 'gate', 'queue', 'feed', 'payments'];

const src = join(import.meta.dir, '..', 'src');

test('no import runs backwards', () => {
  expect(
    imports()
      .filter(({ from, to }) => !allowed(from, to))
      .map(show),
  ).toEqual([]);
});

test('adapters are known to main and the store thread alone', () => {
  const strangers = imports().filter(({ from, to }) => {
    const room = roomOf(to);
    const isAdapter = PORT_ROOMS.includes(room) && !PORTS.includes(to);
    return isAdapter && roomOf(from) !== room && !KNOW_ADAPTERS.includes(from);
  });
  expect(strangers.map(show)).toEqual([]);
});

test('the environment is read by config alone', () => {
  const readers = sources().filter(({ path, text }) => path !== 'config.ts' && /process\.env\b/.test(text));
  // Commands hand the environment to config; child processes inherit theirs.
  const handOver = [
    'cli/serve.ts',
    'cli/worker.ts',
    'cli/audit.ts',
    'cli/backup.ts',
    'cli/dlq.ts',
    'cli/doctor.ts',
    'cli/instance.ts',
    'cli/seed.ts',
    'cli/migrate.ts',
    'cli/reset.ts',
    'cli/rush.ts',
    'load/server-process.ts',
  ];
  expect(readers.map(({ path }) => path).filter((path) => !handOver.includes(path))).toEqual([]);
});

test('the tree that is looked at is there', () => {
  const rooms = new Set(sources().map(({ path }) => roomOf(path)));
  expect([...rooms].sort()).toEqual([...Object.keys(MAY_IMPORT), 'main.ts', 'maintenance.ts'].sort());
  expect(imports().length).toBeGreaterThan(sources().length);
});

function allowed(from: string, to: string): boolean {
  const room = roomOf(from);
  if (isTest(to)) return false;
  return (
    OUTSIDE.includes(to) ||
    room === 'main.ts' ||
    room === 'maintenance.ts' ||
    room === roomOf(to) ||
    (MAY_IMPORT[room] ?? []).includes(roomOf(to))
  );
}

function imports(): { from: string; to: string }[] {
  return sources().flatMap(({ path, text }) =>
    [...text.matchAll(/(?:from|import\(|import)\s*'(\.{1,2}\/[^']+)'/g)].map(([, target]) => ({
      from: path,
      to: relative(src, join(src, dirname(path), target!)),
    })),
  );
}

/** Product code; tests may reach anywhere. */
function sources(): { path: string; text: string }[] {
  return [...new Glob('**/*.ts').scanSync(src)]
    .filter((path) => !isTest(path))
    .map((path) => ({ path, text: readFileSync(join(src, path), 'utf8') }));
}

function isTest(path: string): boolean {
  return /\.(test|contract)\.ts$/.test(path);
}

function roomOf(path: string): string {
  return path.split('/')[0]!;
}

function show({ from, to }: { from: string; to: string }): string {
  return `${from} imports ${to}`;
}
