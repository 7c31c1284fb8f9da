// `npm test`: format and lint, types, then the tests; ends with a line `N passed, N failed`.
// `npm test -- <patterns or bun test flags>` runs only those tests.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
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

if (chosen.length === 0) {
  await step('format and lint', node('@biomejs/biome/bin/biome'), ['check', '.']);
  await step('types', node('typescript/bin/tsc'), ['--noEmit']);
}
const tests = await run(bun, ['test', `--timeout=${TEST_TIMEOUT_MS}`, '--parallel', ...chosen]);
const count = (word) => Number(tests.output.match(new RegExp(`^\\s*(\\d+) ${word}$`, 'm'))?.[1] ?? 0);
passed += count('pass');
failed += count('fail');
if (tests.code !== 0 && count('fail') === 0) failed++;
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

async function step(name, command, args) {
  const { code } = await run(process.execPath, [command, ...args]);
  console.log(code === 0 ? `(pass) ${name}` : `(fail) ${name}`);
  if (code === 0) passed++;
  else failed++;
}

function node(script) {
  return join(root, 'node_modules', script);
}

function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
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
