// `npm test`: format and lint, types, then the tests; ends with a line `N passed, N failed`, and `, N skipped` where some were.
// `npm test -- <patterns or bun test flags>` runs only those tests.
// `npm test -- --fast` leaves out what needs PostgreSQL, Redis and RabbitMQ, and what takes long.
// `npm run test:deploy` runs those that build the program and its image, and start balancers and Prometheus around it.
// `npm test -- --keep-timings` writes down how long each file took.
// PULSECART_TEST_ENGINES=embedded leaves out the tests that need the backends.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findBun } from './bun.mjs';
import { ROOT, run } from './check/run.mjs';
import { openSharedServices } from './check/shared-services.mjs';
import { keepTimings, measureTimings, showLongest } from './check/timings.mjs';

/** Generous: the machine may be busy with other things. */
const TEST_TIMEOUT_MS = 60_000;
/** One more than cores: a test waits for most of its time. */
const WORKERS = availableParallelism() + 1;
/** What an inner loop can do without: servers that are started by the dozen, killed, measured or waited for. */
const LONG = [
  'tests/faults/**',
  'tests/e2e/{at-once,backends-start-up,backup,bench,commands,console,demo,docs-page,durability,first-minutes,fuzz,history,instances,interrupted,k6,late-payment,launcher,live}*',
  'tests/e2e/{rehearse,reset,restore,rush,seed,seeded-books,shutdown,start-up,storefront,terminal,windows}*',
];

/** They take what several tests take, and packages that a developer may not want. */
const DEPLOY = 'tests/deploy/';

/** Where Linux keeps files in memory: what tests write is thrown away, and syncing it took a tenth of the suite's time. */
const IN_MEMORY = '/dev/shm';
/** Several times what the suite has there at once. */
const IN_MEMORY_BYTES_MIN = 4 * 1024 ** 3;

if (
  process.env.TMPDIR === undefined &&
  bytesFree(IN_MEMORY) >= IN_MEMORY_BYTES_MIN &&
  runsPrograms(IN_MEMORY)
)
  process.env.TMPDIR = IN_MEMORY;

const bun = findBun();
if (!bun) {
  console.error('pulsecart: Bun is not installed here; run `npm ci` first (optional dependencies included).');
  process.exit(1);
}

const args = process.argv.slice(2);
const isFast = args.includes('--fast');
const keepsTimings = args.includes('--keep-timings');
const chosen = args.filter((arg) => !['--fast', '--deploy', '--keep-timings'].includes(arg));
if (args.includes('--deploy')) chosen.push(DEPLOY);
const isWhole = chosen.length === 0;
// Help and banners name commands as who started the program can paste them: `npm run check` tests the same as `npm test`.
process.env.npm_command = 'test';
if (isFast) process.env.PULSECART_TEST_ENGINES = 'embedded';
const isEmbedded = process.env.PULSECART_TEST_ENGINES === 'embedded';
let passed = 0;
let failed = 0;
let skipped = 0;

const services = isEmbedded ? null : openSharedServices(bun);
// The whole suite needs the backends for sure, so they start while the other steps run.
const backends = isWhole ? services?.start() : services?.url;
// Should they be refused while another step runs, they are heard of after it.
backends?.catch(() => {});
const steps = isWhole
  ? [
      step('format and lint', '@biomejs/biome/bin/biome', ['check', '.']),
      step('types', 'typescript/bin/tsc', ['--noEmit']),
      step('types of the k6 scripts', 'typescript/bin/tsc', ['--project', 'tests/k6']),
    ]
  : [];
try {
  const url = await backends;
  await test(url ? { PULSECART_TEST_SERVICES_URL: url } : {});
} catch (error) {
  // Every test that needs them would only say the same.
  console.log(`(fail) backends\n${error.message}`);
  failed++;
}
await Promise.all(steps);
await services?.close();
if (skipped > 0 && isEmbedded)
  console.log('Skipped: what needs the backends (PULSECART_TEST_ENGINES=embedded).');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

function bytesFree(folder) {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** Containers mount it for data alone, and some tests put programs there. */
function runsPrograms(folder) {
  let own;
  try {
    own = mkdtempSync(join(folder, 'pulsecart-probe-'));
    writeFileSync(join(own, 'probe'), '#!/bin/sh\n', { mode: 0o755 });
    return spawnSync(join(own, 'probe')).status === 0;
  } catch {
    return false;
  } finally {
    if (own) rmSync(own, { recursive: true });
  }
}

async function step(name, script, args) {
  const { code } = await run(process.execPath, [join(ROOT, 'node_modules', script), ...args]);
  console.log(code === 0 ? `(pass) ${name}` : `(fail) ${name}`);
  if (code === 0) passed++;
  else failed++;
}

async function test(env) {
  const timings = measureTimings();
  const { code, output } = await run(
    bun,
    [
      // Nothing that the tests started survives this process.
      '--no-orphans',
      'test',
      `--timeout=${TEST_TIMEOUT_MS}`,
      `--parallel=${WORKERS}`,
      ...timings.flags,
      ...(isWhole ? [`--path-ignore-patterns=${DEPLOY}**`] : []),
      ...(isFast ? LONG.map((pattern) => `--path-ignore-patterns=${pattern}`) : []),
      ...chosen,
    ],
    env,
  );
  const count = (word) => Number(output.match(new RegExp(`^\\s*(\\d+) ${word}$`, 'm'))?.[1] ?? 0);
  // Bun counts what comes before and after skipped tests, too, and in the end it lists all of them once more.
  const [course] = output.split(/^\d+ tests skipped:$/m);
  const hooks = course.match(/^\(skip\) .*\(unnamed\)$/gm)?.length ?? 0;
  passed += count('pass');
  failed += count('fail');
  skipped += count('skip') - hooks;
  if (code !== 0 && count('fail') === 0) failed++;
  const ran = timings.end();
  if (isWhole) showLongest(ran);
  if (keepsTimings) keepTimings(ran);
}
