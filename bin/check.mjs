// `npm test`: format and lint, types, then the tests; ends with a line `N passed, N failed`.
// `npm test -- <patterns or bun test flags>` runs only those tests.
// PULSECART_TEST_ENGINES=embedded leaves out those that need PostgreSQL, Redis and RabbitMQ.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findBun } from './bun.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const TEST_TIMEOUT_MS = 30_000;

const bun = findBun();
if (!bun) {
  console.error('pulsecart: Bun is not installed here; run `npm ci` first (optional dependencies included).');
  process.exit(1);
}

const chosen = process.argv.slice(2);
let passed = 0;
let failed = 0;

const house = process.env.PULSECART_TEST_ENGINES === 'embedded' ? null : openEngineHouse();
// The whole suite needs the engines for sure, so they start while the other steps run.
const engines = chosen.length === 0 ? house?.start() : house?.url;
// Should they be refused while another step runs, they are heard of after it.
engines?.catch(() => {});
if (chosen.length === 0) {
  await step('format and lint', node('@biomejs/biome/bin/biome'), ['check', '.']);
  await step('types', node('typescript/bin/tsc'), ['--noEmit']);
}
try {
  const url = await engines;
  await test(url ? { PULSECART_TEST_HOUSE_URL: url } : {});
} catch (error) {
  // Every test that needs them would only say the same.
  console.log(`(fail) engines\n${error.message}`);
  failed++;
}
await house?.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

async function step(name, command, args) {
  const { code } = await run(process.execPath, [command, ...args]);
  console.log(code === 0 ? `(pass) ${name}` : `(fail) ${name}`);
  if (code === 0) passed++;
  else failed++;
}

async function test(env) {
  const { code, output } = await run(
    bun,
    // Nothing that the tests started survives this process.
    ['--no-orphans', 'test', `--timeout=${TEST_TIMEOUT_MS}`, '--parallel', ...chosen],
    env,
  );
  const count = (word) => Number(output.match(new RegExp(`^\\s*(\\d+) ${word}$`, 'm'))?.[1] ?? 0);
  passed += count('pass');
  failed += count('fail');
  if (code !== 0 && count('fail') === 0) failed++;
}

/** One set of engines for all test files, in a process that ends when this one does. */
function openEngineHouse() {
  const script = join(root, 'test', 'support', 'engine-house.ts');
  const child = spawn(bun, [script], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const url = new Promise((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    closed.then(() => reject(new Error('The process that keeps the engines has ended.')));
  });
  return {
    url,
    async start() {
      const response = await fetch(await url);
      if (!response.ok) throw new Error(await response.text());
      return url;
    },
    close() {
      child.stdin.end();
      return closed;
    },
  };
}

function node(script) {
  return join(root, 'node_modules', script);
}

function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => keep(chunk, process.stdout));
    child.stderr.on('data', (chunk) => keep(chunk, process.stderr));
    const keep = (chunk, stream) => {
      output += chunk;
      stream.write(chunk);
    };
    child.on('error', (error) => resolve({ code: 1, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
  });
}
