// Finds the pinned Bun that npm installed and runs it in our place.
//
// npm puts the binary in the platform package `@oven/bun-<os>-<arch>`; the `bun` package's own install script, when it
// may run, moves it to `node_modules/bun/bin/bun.exe`. npm 12 and `--ignore-scripts` do not run that script and leave a
// stub there that only prints an error, so both places are tried and a file too small to be Bun is passed over.
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const STUB_BYTES_MAX = 1_000_000;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Path of the Bun binary, or undefined when `npm ci` has not been run (or skipped the optional dependencies). */
export function findBun() {
  const modules = join(root, 'node_modules');
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const arch = process.arch === 'arm64' ? 'aarch64' : process.arch;
  const names = process.platform === 'win32' ? ['bun.exe'] : ['bun'];
  const packages = list(join(modules, '@oven')).filter((name) => name.startsWith(`bun-${os}-${arch}`));
  if (isMusl()) packages.sort((a, b) => Number(b.endsWith('-musl')) - Number(a.endsWith('-musl')));
  else packages.sort((a, b) => a.length - b.length);
  const candidates = packages.flatMap((name) =>
    names.map((file) => join(modules, '@oven', name, 'bin', file)),
  );
  candidates.push(join(modules, 'bun', 'bin', 'bun.exe'));
  return candidates.find((file) => sizeOf(file) > STUB_BYTES_MAX);
}

/**
 * Runs Bun with `args` in this process group, hands on signals, and exits as it exits.
 * `--no-orphans` ends Bun, too, should this launcher be killed without a chance to say so.
 */
export function runBun(args, env = process.env) {
  const bun = findBun();
  if (!bun) {
    console.error(
      'pulsecart: Bun is not installed here; run `npm ci` first (optional dependencies included).',
    );
    process.exit(1);
  }
  const child = spawn(bun, ['--no-orphans', ...args], { stdio: 'inherit', env });
  // A terminal delivers Ctrl-C to the whole group, so the child has it already; handing it on would make it two.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      console.error(`pulsecart: Bun could not be started: ${error.message}`);
      resolve({ code: 1, signal: null });
    });
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Ends this process as the child ended: the same status, or the same signal. */
export function exitLike({ code, signal }) {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function list(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function sizeOf(file) {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function isMusl() {
  return process.platform === 'linux' && !process.report?.getReport().header.glibcVersionRuntime;
}
