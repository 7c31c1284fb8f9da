import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { plugin } from 'bun';
import { madeBy } from './made-by.ts';
import { builtInMetrics, Metrics } from './metrics.ts';
import { type Checks, createModules } from './modules.ts';
import { handleSummary, type RunResult, runScript } from './runner.ts';
import { messageOf, type Script } from './script.ts';

/**
 * A stand-in for `k6 run`, which is under the AGPL and therefore no part of this project. It runs our own scripts against a
 * real server, unchanged: with their users, scenarios, thresholds and summary, and ends with k6's exit status.
 */
const HELP = `bun tests/support/k6/run.ts [-e NAME=VALUE]... [--sample FILE] SCRIPT

  -e, --env NAME=VALUE  a variable for the script
  --sample FILE         the summary once more, labelled with how it was made
`;

/** k6's exit statuses. */
const THRESHOLDS_FAILED = 99;
const INTERRUPTED = 105;
const SCRIPT_FAILED = 107;
const SCRIPT_ABORTED = 108;
const WRONG_ARGUMENTS = 2;

const { scriptPath, env, sampleFile } = readArguments();
const metrics = new Metrics();
const built = builtInMetrics(metrics);
const checks: Checks = new Map();
const startedAtMs = performance.now();
let abortedWith: number | null = null;

const modules = createModules(metrics, built, checks, {
  startedAtMs,
  abort(message) {
    console.error(`ERRO test aborted: ${message}`);
    abortedWith = SCRIPT_ABORTED;
  },
});
plugin({
  name: 'k6',
  setup(build) {
    for (const [name, exports] of Object.entries(modules))
      build.module(name, () => ({ exports, loader: 'object' }));
  },
});

let inInit = true;
Object.assign(globalThis, {
  __ENV: Object.freeze({ ...process.env, ...env }),
  open(path: string): string {
    if (!inInit) throw new Error('open() can only be used in the init context');
    return readFileSync(resolve(dirname(scriptPath), path), 'utf8');
  },
});

const script = (await import(scriptPath).catch((error) =>
  exitWith(SCRIPT_FAILED, messageOf(error)),
)) as Script;
inInit = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    abortedWith = INTERRUPTED;
  });

const result = await runScript({
  script,
  metrics,
  built,
  checks,
  startedAtMs,
  isAborted: () => abortedWith !== null,
}).catch((error) => exitWith(SCRIPT_FAILED, messageOf(error)));
const isSaved = writeSummary(result);
console.error(closingLine(result));
if (result.crossed.length > 0)
  console.error(`ERRO thresholds on metrics '${result.crossed.join(', ')}' have been crossed`);
process.exit(exitStatus(result, isSaved));

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        env: { type: 'string', short: 'e', multiple: true, default: [] },
        sample: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) throw new Error('exactly one script is needed');
    const wrong = values.env.find((pair) => !/^\w+=/.test(pair));
    if (wrong !== undefined) throw new Error(`-e takes NAME=VALUE, not "${wrong}"`);
    const pairs = values.env.map((pair) => [
      pair.slice(0, pair.indexOf('=')),
      pair.slice(pair.indexOf('=') + 1),
    ]);
    return { scriptPath: resolve(path), env: Object.fromEntries(pairs), sampleFile: values.sample };
  } catch (error) {
    return exitWith(WRONG_ARGUMENTS, `${(error as Error).message}\n\n${HELP}`);
  }
}

/** Writes what `handleSummary` returns, and the labelled sample; answers whether all of it could be written. */
function writeSummary({ summary, failure }: RunResult): boolean {
  // Nothing was measured when not even `setup` has passed.
  if (failure !== null && built.iterations.sink.isEmpty) return true;
  const outputs = handleSummary(script, summary);
  if (sampleFile !== undefined) {
    const label = madeBy(relative(process.cwd(), scriptPath), env);
    outputs[sampleFile] = `${JSON.stringify({ made_by: label, ...summary }, null, 2)}\n`;
  }
  let isSaved = true;
  for (const [target, text] of Object.entries(outputs)) {
    if (target === 'stdout') process.stdout.write(text);
    else if (target === 'stderr') process.stderr.write(text);
    else {
      try {
        writeFileSync(target, text);
      } catch (error) {
        console.error(`ERRO could not save '${target}': ${(error as Error).message}`);
        isSaved = false;
      }
    }
  }
  return isSaved;
}

function closingLine({ interrupted, summary }: RunResult): string {
  const seconds = (summary.state.testRunDurationMs / 1000).toFixed(1);
  const { count = 0 } = built.iterations.sink.values([], 0);
  return `ran ${seconds} s, ${count} complete and ${interrupted} interrupted iterations`;
}

function exitStatus({ failure, crossed }: RunResult, isSaved: boolean): number {
  if (failure !== null && abortedWith === null) console.error(`ERRO ${failure}`);
  if (abortedWith !== null) return abortedWith;
  if (failure !== null) return SCRIPT_FAILED;
  if (crossed.length > 0) return THRESHOLDS_FAILED;
  return isSaved ? 0 : 1;
}

function exitWith(status: number, message: string): never {
  console.error(`ERRO ${message}`);
  process.exit(status);
}
