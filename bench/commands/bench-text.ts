import type { WorkloadResult } from '../workloads/result.ts';

const HEAD = ['workload', 'per s', '× noop', 'p50', 'p99', 'errors', 'server', 'load', 'MB'];

/** What the columns are. */
export const LEGEND = [
  '  per s          answers, outcomes or deliveries a second',
  '  × noop         that over the same of a server that does nothing',
  '  p50, p99       latency in ms',
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
    result.requestsPerS?.toLocaleString('en-US') ?? '–',
    result.ratioToNoop?.toFixed(2) ?? '–',
    ...[
      result.p50Ms,
      result.p99Ms,
      result.errors,
      result.cpuServerPct,
      result.cpuGeneratorPct,
      result.rssMb,
      ...backends.map((name) => result.cpuEnginesPct?.[name] ?? null),
    ].map((value) => (value === null ? '–' : String(value))),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const format = (row: string[]) =>
    '  ' + row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return [...[head, ...rows].map(format), ...results.flatMap(remarks)].join('\n');
}

function remarks(result: WorkloadResult): string[] {
  if ('failure' in result) return [`  ${result.workload} could not be run: ${result.failure}`];
  return [result.finding, result.warning].flatMap((said) => (said ? [`  ${result.workload}: ${said}`] : []));
}
