import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Cost, type CpuProfile, costsOf } from '../cpu-profile.ts';
import type { Environment } from '../environment.ts';
import { readThreads, type ThreadUsage } from '../process-usage.ts';
import { resultsName } from '../results-name.ts';
import { resetStock } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { type ComparedWorkload, ownStats, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import type { Effort, WorkloadResult } from './result.ts';
import { Subject } from './subject.ts';

/** Keeps the profiles, in the folder of the call. */
const FOLDER = 'results';
/** Files are named by their path from here. */
const ROOT = join(import.meta.dir, '..', '..');
const SHOWN_MAX = 40;
const SERVING = 'serving';

/**
 * Where the CPU time of a request goes: the workload's closed loop on a server under Bun's profiler, which slows it by some percent. The
 * profiler sees the serving thread alone; what the other threads take is the system's figure.
 */
export async function runProfile(
  name: string,
  workload: ComparedWorkload,
  effort: Effort,
  environment: Environment,
): Promise<WorkloadResult> {
  mkdirSync(FOLDER, { recursive: true });
  const file = `${resultsName()}-${name}.cpuprofile`;
  const server = await environment.startServer(workload.env, {
    bunFlags: ['--cpu-prof', `--cpu-prof-dir=${resolve(FOLDER)}`, `--cpu-prof-name=${file}`],
  });
  let measured: Awaited<ReturnType<typeof measure>>;
  try {
    measured = await measure(server, workload, effort, environment);
  } finally {
    // The server writes the profile as it ends.
    await server.stop();
  }
  const { stats, threads, fromUs, toUs } = measured;
  const servingUs = threads.find((thread) => thread.name === SERVING)?.us;
  if (servingUs === undefined)
    throw new Error('a profile needs the CPU time of threads, which only Linux tells');
  const profile = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as CpuProfile;
  const cpuMs = (servingUs * stats.requests) / 1000;
  const costs = costsOf(profile, { fromUs, toUs, cpuMs, requests: stats.requests }, ROOT);
  return {
    workload: name,
    ratioToNoop: null,
    ...stats,
    threads,
    ...costs,
    profile: join(FOLDER, file),
    finding: [
      `µs of CPU time per request under the profiler; ${join(FOLDER, file)} opens in Chrome's DevTools and in speedscope`,
      list('thread', threads),
      list('file of the serving thread, self time', [
        ...costs.files,
        { name: '(outside of JavaScript)', us: costs.outsideUs },
      ]),
      list('function of the serving thread, self time', costs.functions),
    ].join('\n\n'),
  };
}

async function measure(
  server: ServerProcess,
  workload: ComparedWorkload,
  effort: Effort,
  environment: Environment,
) {
  await resetStock(server.url, PRODUCT_ID, workload.units);
  const subject = await Subject.open(server, workload.load, environment, effort.connections);
  await subject.warmUp(WARM_UP_MS);
  await environment.quiet();
  const before = readThreads(server.pid);
  const fromUs = Date.now() * 1000;
  await subject.measure({ durationMs: effort.seconds * 1000 });
  const toUs = Date.now() * 1000;
  const after = readThreads(server.pid);
  subject.close();
  const stats = ownStats(subject);
  return { stats, threads: threadCosts(server.pid, before, after, stats.requests), fromUs, toUs };
}

/** CPU time by name of a thread; several threads may have the same name. */
function threadCosts(
  pid: number,
  before: ReadonlyMap<number, ThreadUsage>,
  after: ReadonlyMap<number, ThreadUsage>,
  requests: number,
): Cost[] {
  const costs = new Map<string, number>();
  for (const [id, { name, cpuMs }] of after) {
    const called = id === pid ? SERVING : name;
    const us = ((cpuMs - (before.get(id)?.cpuMs ?? 0)) * 1000) / requests;
    costs.set(called, (costs.get(called) ?? 0) + us);
  }
  return [...costs].map(([name, us]) => ({ name, us })).toSorted((a, b) => b.us - a.us);
}

function list(title: string, costs: readonly Cost[]): string {
  const rows = costs
    .toSorted((a, b) => b.us - a.us)
    .slice(0, SHOWN_MAX)
    .map(({ name, us }) => `  ${us.toFixed(2).padStart(7)}  ${name}`);
  return [`  ${title}`, ...rows].join('\n');
}
