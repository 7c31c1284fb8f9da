import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Glob } from 'bun';

/**
 * The tree's own rule: a folder is a technology or a use case, and dependencies run one way,
 * domain ← ports ← adapters and use cases ← HTTP ← the composition root ← commands.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  lib: ['domain'],
  'settings.ts': ['domain'],
  'config.ts': ['domain', 'lib', 'settings.ts'],
  ports: ['domain'],
  adapters: ['domain', 'lib', 'ports'],
  app: ['domain', 'lib', 'ports'],
  telemetry: ['domain', 'lib', 'ports', 'app'],
  // What runs in browsers, and is drawn on the server as well. It knows the API's answers and nothing of what is behind them.
  pages: ['domain', 'lib'],
  http: ['domain', 'lib', 'ports', 'app', 'telemetry', 'pages'],
  // The composition root: which adapters there are, and which use cases work on them.
  'app.ts': ['domain', 'lib', 'config.ts', 'ports', 'adapters', 'app', 'telemetry', 'http'],
  'tools.ts': ['domain', 'config.ts', 'ports', 'adapters'],
  cli: [
    'domain',
    'lib',
    'config.ts',
    'settings.ts',
    'ports',
    'app',
    'telemetry',
    'http',
    'app.ts',
    'tools.ts',
  ],
  'main.ts': ['domain', 'lib', 'cli'],
};
/** What product code takes from outside of src: the measure is a command, and no part of the product. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  '../package.json': ['app.ts', 'main.ts'],
  '../bench/main.ts': ['main.ts'],
};
/** What `bench/` takes from the product: it talks HTTP, judges what it heard, and then reads the books. */
const BENCH_MAY_IMPORT = [
  'domain',
  'lib',
  'ports',
  'config.ts',
  'tools.ts',
  'app/ops/audit.ts',
  'cli/flags.ts',
  'cli/api.ts',
  'cli/help.ts',
  'cli/terminal.ts',
];

const ROOT = join(import.meta.dir, '..');
const src = join(ROOT, 'src');

test('no import runs backwards', () => {
  expect(
    imports()
      .filter(({ from, to }) => !allowed(from, to))
      .map(show),
  ).toEqual([]);
});

test('no folders import each other in a circle', () => {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports().filter(({ to }) => !(to in OUTSIDE))) {
    if (folderOf(from) !== folderOf(to))
      edges.set(folderOf(from), (edges.get(folderOf(from)) ?? new Set()).add(folderOf(to)));
  }
  // What imports nothing that is left is taken away, until nothing or only circles are left.
  for (let before = -1; before !== edges.size; ) {
    before = edges.size;
    for (const [folder, others] of edges)
      if (![...others].some((other) => edges.has(other))) edges.delete(folder);
  }
  expect([...edges.keys()]).toEqual([]);
});

test('the measure takes no use case, adapter or route from the product', () => {
  const taken = imports('bench').filter(({ to }) => to.startsWith('../src/'));
  expect(taken.length).toBeGreaterThan(10);
  const wrong = taken.filter(({ to }) => {
    const path = to.slice('../src/'.length);
    return !BENCH_MAY_IMPORT.includes(path) && !BENCH_MAY_IMPORT.includes(layerOf(path));
  });
  expect(wrong.map(show)).toEqual([]);
  expect(imports('bench').filter(({ to }) => to.startsWith('../tests/'))).toEqual([]);
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
    'cli/health.ts',
    'cli/instance.ts',
    'cli/seed.ts',
    'cli/migrate.ts',
    'cli/payments.ts',
    'cli/reset.ts',
    'cli/rush.ts',
    'cli/terminal.ts',
    'cli/token.ts',
  ];
  expect(readers.map(({ path }) => path).filter((path) => !handOver.includes(path))).toEqual([]);
});

test('the tree that is looked at is there', () => {
  const layers = new Set(sources().map(({ path }) => layerOf(path)));
  expect([...layers].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  expect(imports().length).toBeGreaterThan(sources().length);
  const dangling = imports().filter(({ to }) => !existsSync(join(src, to)));
  expect(dangling.map(show)).toEqual([]);
});

function allowed(from: string, to: string): boolean {
  if (to in OUTSIDE) return OUTSIDE[to]!.includes(from);
  if (isTest(to) || to.startsWith('..')) return false;
  const [here, there] = [folderOf(from), folderOf(to)];
  if (here === there) return true;
  // Use cases may know each other; adapters do not.
  if (layerOf(from) === layerOf(to)) return layerOf(from) === 'app';
  return (MAY_IMPORT[layerOf(from)] ?? []).includes(layerOf(to));
}

function imports(root = 'src'): { from: string; to: string }[] {
  return sources(root).flatMap(({ path, text }) =>
    [...text.matchAll(/(?:from|import\(|import|new URL\()\s*'(\.{1,2}\/[^']+)'/g)].map(([, target]) => ({
      from: path,
      to: relative(root, join(root, dirname(path), target!)),
    })),
  );
}

/** Product code; tests may reach anywhere. */
function sources(root = 'src'): { path: string; text: string }[] {
  return [...new Glob('**/*.{ts,tsx}').scanSync(join(ROOT, root))]
    .filter((path) => !isTest(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, root, path), 'utf8') }));
}

function isTest(path: string): boolean {
  return /\.(test|contract)\.tsx?$/.test(path);
}

/** `adapters` of `adapters/redis/gate.ts`. */
function layerOf(path: string): string {
  return path.split('/')[0]!;
}

/** `adapters/redis` of `adapters/redis/feed/message.ts`, `http` of `http/server.ts`. */
function folderOf(path: string): string {
  const folders = path.split('/').slice(0, -1);
  const depth = ['adapters', 'app'].includes(layerOf(path)) ? 2 : 1;
  return folders.slice(0, depth).join('/') || path;
}

function show({ from, to }: { from: string; to: string }): string {
  return `${from} imports ${to}`;
}
