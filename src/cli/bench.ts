import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { readStolenMs } from '../load/process-usage.ts';
import { startServer } from '../load/server-process.ts';
import { runConnections } from '../load/workloads/connections.ts';
import { runAsyncDrain, runSettlement } from '../load/workloads/drain.ts';
import { PAIRED, runNoop, runPaired } from '../load/workloads/paired.ts';
import { type Effort, percent, type WorkloadResult } from '../load/workloads/result.ts';
import { DEMO_FLAGS, type DemoDeps, runDemo } from './demo.ts';
import { readFlags } from './flags.ts';

const WORKLOADS = [
  'noop',
  'sync-win',
  'sync-win-settling',
  'sync-soldout',
  'async-accept',
  'async-drain',
  'settlement',
  'stock-read',
  'connections',
  'demo',
] as const;
type Workload = (typeof WORKLOADS)[number];

const FLAGS = {
  seconds: { kind: 'integer', min: 1, max: 600, default: 6 },
  // A median of fewer than three pairs would be at the mercy of one noisy moment.
  rounds: { kind: 'integer', min: 3, max: 99, default: 5 },
  workload: { kind: 'list', of: WORKLOADS },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart bench: how fast this machine sells, next to a server that does nothing

  --workload A,B   some of ${WORKLOADS.join(', ')} (all)
  --seconds N      measured per workload and side (6)
  --rounds N       alternating pairs with the no-op server per workload, at least 3 (5)
  --json           print one JSON document

Example: pulsecart bench --workload sync-win,sync-soldout --seconds 10`;

/** Starts its own servers in temporary folders, one workload after the other, and reports what it measured. */
export async function bench(argv: string[], deps: { demo: DemoDeps }): Promise<number> {
  const { json, help, workload, ...effort } = readFlags(argv, FLAGS);
  if (help) {
    console.log(HELP);
    return 0;
  }
  const results: WorkloadResult[] = [];
  for (const name of workload) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K  ${name} …`);
    const stolenBeforeMs = readStolenMs();
    const startMs = performance.now();
    const result = await run(name, effort, deps);
    const stolenMs = (readStolenMs() ?? 0) - (stolenBeforeMs ?? 0);
    const stolenPct = stolenBeforeMs === null ? null : percent(stolenMs, performance.now() - startMs);
    results.push({ ...result, stolenPct });
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[2K');
  const report = { machine: machine(), commit: commit(), engines: ENGINES, ...effort, results };
  console.log(json ? JSON.stringify(report, null, 2) : table(results));
  return results.some((result) => 'failure' in result) ? 1 : 0;
}

/** One workload in a folder of its own. A workload that cannot be run is reported, and does not stop the others. */
async function run(name: Workload, effort: Effort, deps: { demo: DemoDeps }): Promise<WorkloadResult> {
  const folder = await mkdtemp(join(tmpdir(), 'pulsecart-bench-'));
  const server = (env: Record<string, string>) => startServer(folder, env);
  try {
    switch (name) {
      case 'noop':
        return await runNoop(effort);
      case 'async-drain':
        return await runAsyncDrain(effort, server);
      case 'settlement':
        return await runSettlement(effort, server);
      case 'connections':
        return await runConnections(server);
      case 'demo':
        return await benchDemo(deps.demo);
      default:
        return await runPaired(name, PAIRED[name], effort, server);
    }
  } catch (error) {
    return { ...NOTHING, workload: name, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const NOTHING = {
  requestsPerS: null,
  ratioToNoop: null,
  p50Ms: null,
  p99Ms: null,
  errors: 0,
  cpuServerPct: null,
  cpuGeneratorPct: null,
  rssMb: null,
};

async function benchDemo(deps: DemoDeps): Promise<WorkloadResult> {
  const { json: _json, help: _help, ...options } = readFlags([], DEMO_FLAGS);
  const { verdicts, ...result } = await runDemo(options, deps);
  return {
    ...NOTHING,
    workload: 'demo',
    requestsPerS: Math.round((result.answered / result.elapsedMs) * 1000),
    p50Ms: result.sync.p50Ms,
    p99Ms: result.sync.p99Ms,
    errors: result.errors,
    elapsedMs: result.elapsedMs,
    sync: result.sync,
    async: result.async,
    failedVerdicts: verdicts.filter((verdict) => !verdict.pass),
    verdictsPassed: verdicts.filter((verdict) => verdict.pass).length,
  };
}

const ENGINES = { ledger: 'sqlite', gate: 'memory', queue: 'sqlite', payments: 'simulator' };

function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${release()}`,
    bun: Bun.version,
  };
}

/** The commit that was measured; null outside a clone. */
function commit(): string | null {
  try {
    const git = Bun.spawnSync(['git', 'describe', '--always', '--dirty', '--abbrev=12'], {
      cwd: import.meta.dir,
      stderr: 'ignore',
    });
    return git.success ? git.stdout.toString().trim() : null;
  } catch {
    return null;
  }
}

function table(results: readonly WorkloadResult[]): string {
  const head = [
    'workload',
    'per second',
    '× noop',
    'p50 ms',
    'p99 ms',
    'errors',
    'server %',
    'load %',
    'rss MB',
  ];
  const rows = results.map((result) => [
    result.workload,
    result.requestsPerS?.toLocaleString('en-US') ?? '–',
    result.ratioToNoop?.toFixed(2) ?? '–',
    ...[
      result.p50Ms,
      result.p99Ms,
      result.errors,
      result.cpuServerPct,
      result.cpuGeneratorPct,
      result.rssMb,
    ].map((value) => (value === null ? '–' : String(value))),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const format = (row: string[]) =>
    '  ' + row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  const failures = results.filter((result) => 'failure' in result);
  return [
    ...[head, ...rows].map(format),
    ...failures.map((result) => `  ${result.workload} could not be run: ${result.failure}`),
  ].join('\n');
}
