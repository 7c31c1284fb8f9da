import { loadavg } from 'node:os';
import { readFlags } from '../../src/cli/flags.ts';
import { printHelp } from '../../src/cli/help.ts';
import { holdDemo } from '../demo-sale.ts';
import type { Environment, Environments } from '../environment.ts';
import { generatorWarning } from '../generator-limits.ts';
import { undoneWhenInterrupted, unlessInterrupted, wasInterrupted } from '../interrupted.ts';
import { commit, machine } from '../machine.ts';
import { BACKEND_CHOICES, type BackendChoice, openEnvironments } from '../open-environments.ts';
import { readStolenMs } from '../process-usage.ts';
import { COMPARED, runComparison, runNoop } from '../workloads/comparison.ts';
import { runConnections } from '../workloads/connections.ts';
import { runAsyncDrain, runPayments } from '../workloads/drain.ts';
import { runOpen } from '../workloads/open.ts';
import { type Effort, NOTHING, percent, rounded, type WorkloadResult } from '../workloads/result.ts';
import { CONNECTIONS } from '../workloads/subject.ts';
import { LEGEND, table } from './bench-text.ts';
import {
  chooseWorkloads,
  DISTRIBUTED_ONLY,
  EVERYWHERE,
  hasOpenLoop,
  ON_REQUEST,
  OPEN,
  PROFILED,
  WITH_BALANCERS,
  WORKLOADS,
  type Workload,
} from './choose-workloads.ts';
import { DEMO_FLAGS } from './demo.ts';
import { openProgress } from './progress.ts';

/** Numbers of server processes that `--instances` compares. */
const INSTANCES = ['1', '2', '3', '4', '5', '6', '7', '8'] as const;

const FLAGS = {
  engines: { kind: 'choice', of: BACKEND_CHOICES, default: 'embedded' },
  seconds: { kind: 'integer', min: 1, max: 600, default: 6 },
  // A median of fewer than three pairs would be at the mercy of one noisy moment.
  rounds: { kind: 'integer', min: 3, max: 99, default: 5 },
  viewers: { kind: 'integer', min: 0, max: 10_000, default: 0 },
  connections: { kind: 'integer', min: 1, max: 10_000, default: CONNECTIONS },
  instances: { kind: 'list', of: INSTANCES },
  open: { kind: 'switch' },
  profile: { kind: 'switch' },
  workload: { kind: 'list', of: WORKLOADS },
  json: { kind: 'switch' },
  help: { kind: 'switch' },
} as const;

const HELP = `pulsecart bench: how fast this machine sells, next to a server that does nothing

  --engines E      embedded, or production: a PostgreSQL, a Redis and a RabbitMQ of its own, from what is installed here
                   or from Docker, gone afterwards (embedded)
  --workload A,B   some of ${EVERYWHERE.join(', ')};
                   with distributed backends also ${DISTRIBUTED_ONLY.join(', ')} (all); and only when
                   named ${ON_REQUEST.join(', ')}, and with distributed backends ${WITH_BALANCERS.join(', ')},
                   which needs nginx, haproxy and envsubst
  --seconds N      measured per workload and server (6)
  --rounds N       alternating pairs with the no-op server per workload, at least 3 (5)
  --viewers N      live viewers beside the workloads that are compared with the no-op server, and beside open loops (0)
  --connections N  of the load generator, to each server: the no-op server, the workloads that are compared with it, open loops,
                   async-whole and async-decided; other workloads have their own (256)
  --instances A,B  sync-win on a server of A processes and on one of B, in turns: for one hot product and for ten, each at 256 and
                   1,024 connections; needs --engines production
  --open           what buyers feel below saturation: finds the rate at which the server is saturated, then offers 25, 50, 75 and
                   90 % of it whether or not the server keeps up; latencies from the intended time, and raw; each for --seconds
                   (${OPEN.join(', ')}; other workloads as always)
  --profile        where the CPU time of a request goes: the closed loop of some of
                   ${PROFILED.join(', ')} (sync-win) on a server under Bun's profiler, for --seconds;
                   µs by thread, by file and by function, and results/<time>-<workload>.cpuprofile
  --json           print one JSON document

Example: pulsecart bench --workload sync-win --seconds 1 --rounds 3`;

/** Starts its own servers, and on request backends, and reports the measurements of one workload after the other. */
export async function bench(argv: string[]): Promise<number> {
  const { json, help, workload, engines, ...effort } = readFlags(argv, FLAGS);
  if (help) {
    printHelp(HELP);
    return 0;
  }
  const names = chooseWorkloads({ workload, engines, ...effort });
  const instances = effort.instances.map(Number);
  return unlessInterrupted('bench', 'the measurement was stopped', () =>
    measure(names, engines, { ...effort, instances }, json),
  );
}

type Plan = Effort & {
  readonly open: boolean;
  readonly profile: boolean;
  /** Numbers of processes to compare; empty for all other measurements. */
  readonly instances: readonly number[];
};

async function measure(
  names: readonly Workload[],
  backends: BackendChoice,
  effort: Plan,
  json: boolean,
): Promise<number> {
  const loadBefore = rounded(loadavg()[0]!, 1);
  const results: WorkloadResult[] = [];
  // What was measured before Ctrl-C is not lost.
  undoneWhenInterrupted(async () => {
    if (!json && results.length > 0) console.log(`${table(results)}\n\n${LEGEND}`);
  });
  const progress = openProgress(2 * effort.rounds * effort.seconds * 1000);
  const environments = await openEnvironments(backends);
  try {
    for (const [i, name] of names.entries()) {
      progress.begins(i + 1, names.length, name);
      const stolenBeforeMs = readStolenMs();
      const startMs = performance.now();
      const result = await run(name, effort, environments);
      const stolenMs = (readStolenMs() ?? 0) - (stolenBeforeMs ?? 0);
      const stolenPct = stolenBeforeMs === null ? null : percent(stolenMs, performance.now() - startMs);
      const warning = generatorWarning(result);
      results.push({ ...result, stolenPct, ...(warning && { warning }) });
    }
  } finally {
    progress.close();
    await environments.close();
  }
  // Printed then.
  if (wasInterrupted()) return 1;
  const report = {
    machine: machine(),
    commit: commit(),
    engines: environments.backends,
    loadBefore,
    ...effort,
    results,
  };
  console.log(json ? JSON.stringify(report, null, 2) : `${table(results)}\n\n${LEGEND}`);
  return results.some((result) => 'failure' in result) ? 1 : 0;
}

/** Runs one workload. A workload that cannot be run is reported, and does not stop the others. */
async function run(name: Workload, effort: Plan, environments: Environments): Promise<WorkloadResult> {
  try {
    if (effort.instances.length > 0)
      return await (await import('../workloads/instances.ts')).runInstances(
        effort,
        environments,
        effort.instances,
      );
    switch (name) {
      case 'noop':
        return await runNoop(effort);
      case 'sales':
        return await (await import('../workloads/sales.ts')).runSales(effort, environments);
      case 'growth':
        return await (await import('../workloads/growth.ts')).runGrowth(effort, environments);
      case 'first-second':
        return await (await import('../workloads/first-second.ts')).runFirstSecond(effort, environments);
      default: {
        const environment = await environments.open();
        return await runOn(environment, name, effort).finally(() => environment.close());
      }
    }
  } catch (error) {
    return { ...NOTHING, workload: name, failure: error instanceof Error ? error.message : String(error) };
  }
}

async function runOn(
  environment: Environment,
  name: Exclude<Workload, 'noop' | 'sales' | 'growth' | 'first-second'>,
  effort: Plan,
): Promise<WorkloadResult> {
  switch (name) {
    case 'async-drain':
      return runAsyncDrain(effort, environment);
    case 'payments':
      return runPayments(effort, environment);
    case 'async-whole':
      return (await import('../workloads/async-whole.ts')).runAsyncWhole(effort, environment);
    case 'async-decided':
      return (await import('../workloads/async-whole.ts')).runAsyncDecided(effort, environment);
    case 'saturation':
      return (await import('../workloads/saturation.ts')).runSaturation(effort, environment);
    case 'connections':
      return runConnections(environment);
    case 'live':
    case 'live-crowd':
      return (await import('../workloads/live.ts')).runLive(name, effort, environment);
    case 'lone':
      return (await import('../workloads/lone.ts')).runLone(effort, environment);
    case 'live-lone':
      return (await import('../workloads/lone.ts')).runLiveLone(effort, environment);
    case 'watched':
      return (await import('../workloads/watched.ts')).runWatched(effort, environment);
    case 'demo':
      return benchDemo(environment);
    case 'balancers':
      return (await import('../workloads/balancers.ts')).runBalancers(effort, environment);
    case 'flushall':
      return (await import('../workloads/flushall.ts')).runFlushAll(effort, environment);
    case 'start-up':
      return (await import('../workloads/start-up.ts')).runStartUp(effort, environment);
    default:
      if (effort.profile)
        return (await import('../workloads/profile.ts')).runProfile(
          name,
          COMPARED[name],
          effort,
          environment,
        );
      return effort.open && hasOpenLoop(name)
        ? runOpen(name, COMPARED[name], effort, environment)
        : runComparison(name, COMPARED[name], effort, environment);
  }
}

async function benchDemo(environment: Environment): Promise<WorkloadResult> {
  const { json: _json, help: _help, engines: _engines, ...options } = readFlags([], DEMO_FLAGS);
  const { verdicts, ...result } = await holdDemo(options, environment);
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
