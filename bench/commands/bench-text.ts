import { aligned, ranged } from '../text.ts';
import type { WorkloadResult } from '../workloads/result.ts';

const HEAD = ['workload', 'per s', '× noop', 'p50', 'p99', 'errors', 'CPU', 'server', 'load', 'MB'];

/** What the columns are. */
export const LEGEND = [
  '  per s          answers, outcomes or deliveries a second',
  '  × noop         that over the same of a server that does nothing: median (least–most) of the pairs',
  '  p50, p99       latency in ms',
  '  CPU            µs for each of them, server, worker and backends together: mean (least–most) of the rounds',
  '  server, load   % of a core: server, load generator (above 90 it is the limit)',
  "  MB             the server's memory",
].join('\n');

/** The results as text: one row each, and notes below. */
export function table(results: readonly WorkloadResult[]): string {
  // A column for each backend that is a process of its own.
  const backends = Object.keys(results.find((result) => result.cpuEnginesPct)?.cpuEnginesPct ?? {});
  const head = [...HEAD, ...backends];
  const rows = results.map((result) => [
    result.workload,
    ranged(result.requestsPerS, null, null, 0),
    ranged(result.ratioToNoop, result.ratioMin, result.ratioMax, 2),
    ...[result.p50Ms, result.p99Ms, result.errors].map(plain),
    ranged(result.cpuTotalUsPerRequest, result.cpuTotalUsMin, result.cpuTotalUsMax, 1),
    ...[
      result.cpuServerPct,
      result.cpuGeneratorPct,
      result.rssMb,
      ...backends.map((name) => result.cpuEnginesPct?.[name] ?? null),
    ].map(plain),
  ]);
  return [...aligned([head, ...rows]), ...results.flatMap(remarks)].join('\n');
}

function plain(value: number | null): string {
  return value === null ? '–' : String(value);
}

function remarks(result: WorkloadResult): string[] {
  if ('failure' in result) return [`  ${result.workload} could not be run: ${result.failure}`];
  return [result.finding, result.warning].flatMap((said) => (said ? [`  ${result.workload}: ${said}`] : []));
}
