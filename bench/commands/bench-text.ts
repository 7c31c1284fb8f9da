import type { WorkloadResult } from '../workloads/result.ts';

const HEAD = [
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

export const LEGEND = [
  '  per second  answers, outcomes or deliveries, whatever the workload counts',
  '  × noop      that, over what a server reaches which only answers the same bytes',
  '  p50, p99    of the latency',
  '  … %         of one core: the server, the load generator (above 90 it is the limit)',
  '  rss         memory of the server',
].join('\n');

/** The results as text: one row each, and notes below. */
export function table(results: readonly WorkloadResult[]): string {
  // A column for each backend that is a process of its own.
  const backends = Object.keys(results.find((result) => result.cpuEnginesPct)?.cpuEnginesPct ?? {});
  const head = [...HEAD, ...backends.map((name) => `${name} %`)];
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
