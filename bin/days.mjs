// `npm run days`: the tests that need no distributed backends, on other days, in other zones and another language.
// Ends with a line `N passed, N failed` of all of them. What the tests of a place say is shown where they fail.
//
// libfaketime moves the clock of the tests and of each process that they start, by an offset: an absolute time would begin anew
// in each process. It leaves the monotonic clock alone, because threads that wait by a moved one hang
// (https://github.com/wolfcw/libfaketime/issues/469). What it cannot move: times of files, and the clocks of backends.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const DAY_MS = 86_400_000;
const TURKISH = 'tr_TR.UTF-8';

/** What stands beside the code, the documents, and over HTTP the schedules of sales. The rest of tests/ starts servers for long. */
const TESTS = ['src/', 'bench/', 'tests/docs/', 'tests/e2e/products.test'];
/** Backends, a crowd, npm, and connections that are silent for long: half of the time, and no day, zone or language in them. */
const LEFT_OUT = [
  'bench/services/**',
  'bench/embedded-environments*',
  'src/http/stream-routes*',
  'tests/docs/packages*',
];

const places = [
  { name: '400 days from now, in Auckland', laterMs: () => 400 * DAY_MS, env: { TZ: 'Pacific/Auckland' } },
  {
    name: "on 29 February, in St John's and in Turkish",
    laterMs: () => leapDay() + DAY_MS / 2 - Date.now(),
    env: { TZ: 'America/St_Johns', LANG: TURKISH, LC_ALL: TURKISH },
  },
  { name: 'over the end of the year', laterMs: () => newYear() - 10_000 - Date.now(), env: { TZ: 'UTC' } },
];

const languages = mkdtempSync(join(tmpdir(), 'pulsecart-languages-'));
process.on('exit', () => rmSync(languages, { recursive: true }));
let passed = 0;
let failed = 0;

const missing = ['faketime', 'localedef'].filter((program) => spawnSync(program, ['--version']).error);
const { status, stderr } = spawnSync('localedef', ['-i', 'tr_TR', '-f', 'UTF-8', join(languages, TURKISH)]);
if (missing.length > 0 || status !== 0) {
  const why = missing.length > 0 ? `${missing.join(' and ')} not found` : `${stderr}`.trim();
  console.log(`(fail) other days: ${why}. On Debian and Ubuntu: apt-get install faketime locales`);
  failed++;
} else {
  for (const place of places) await testAt(place);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function testAt({ name, laterMs, env }) {
  const startedAtMs = performance.now();
  const offset = `+${Math.floor(laterMs() / 1000)}`;
  const ignored = LEFT_OUT.map((pattern) => `--path-ignore-patterns=${pattern}`);
  const check = [process.execPath, join(root, 'bin', 'check.mjs'), ...ignored, ...TESTS];
  const { code, output } = await run('faketime', ['--exclude-monotonic', '-f', offset, ...check], {
    ...env,
    LOCPATH: languages,
    PULSECART_TEST_ENGINES: 'embedded',
  });
  const [, good, bad] = /^(\d+) passed, (\d+) failed(?:, \d+ skipped)?\s*$/m.exec(output) ?? [output, 0, 1];
  passed += Number(good);
  failed += Number(bad);
  if (code !== 0) process.stdout.write(output.replace(/^\d+ passed, \d+ failed.*$/m, ''));
  const took = `${Math.round((performance.now() - startedAtMs) / 1000)} s`;
  console.log(`(${code === 0 ? 'pass' : 'fail'}) ${name}: ${good} passed, ${bad} failed, ${took}`);
}

/** The next 29 February, from its beginning in UTC. */
function leapDay() {
  const days = Array.from(
    { length: 9 },
    (_, i) => new Date(Date.UTC(new Date().getUTCFullYear() + i, 1, 29)),
  );
  return days.find((day) => day.getUTCDate() === 29 && day > Date.now()).getTime();
}

function newYear() {
  return Date.UTC(new Date().getUTCFullYear() + 1, 0, 1);
}

function run(command, args, env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => resolve({ code, output }));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
  });
}
