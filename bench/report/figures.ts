import type { Run } from './report-data.ts';

/** What is read from one run and shown in a row: its name, its unit, and which way is better. */
export interface Figure {
  readonly name: string;
  readonly unit: Unit;
  readonly better: 'less' | 'more' | 'neither';
  readonly of: (run: Run) => number | null;
}

export type Unit = 'ms' | '/s' | 's' | 'MB' | '';

const PERCENTILES = [
  ['p50', 'p50'],
  ['p90', 'p90'],
  ['p95', 'p95'],
  ['p99', 'p99'],
  ['p99.9', 'p999'],
  ['max', 'max'],
] as const;

/** Latencies by percentile; `of` names the kind. */
export function latencyFigures(of: 'answer' | 'answerRaw' | 'outcome' | 'outcomeRaw'): Figure[] {
  return PERCENTILES.map(([name, field]) => ({
    name,
    unit: 'ms',
    better: 'less',
    of: (run) => run[of][field],
  }));
}

export const THROUGHPUT: readonly Figure[] = [
  { name: 'Offered', unit: '/s', better: 'neither', of: ({ offeredPerS }) => offeredPerS },
  { name: 'Answered', unit: '/s', better: 'more', of: ({ achievedPerS }) => achievedPerS },
  { name: 'Useful (outcome known)', unit: '/s', better: 'more', of: ({ usefulPerS }) => usefulPerS },
  {
    name: 'Time to sell out',
    unit: 's',
    better: 'less',
    of: ({ soldOutMs }) => soldOutMs && soldOutMs / 1000,
  },
];

export const RESOURCES: readonly Figure[] = [
  {
    name: 'Server CPU per 1,000 purchases',
    unit: 's',
    better: 'less',
    of: ({ cpu, users }) => perThousand(cpu.serverMs, users),
  },
  {
    name: 'Backends CPU per 1,000 purchases',
    unit: 's',
    better: 'less',
    of: ({ cpu, users }) => perThousand(backendsMs(cpu.backendsMs), users),
  },
  {
    name: 'Load generator CPU per 1,000 purchases',
    unit: 's',
    better: 'neither',
    of: ({ cpu, users }) => perThousand(cpu.generatorMs, users),
  },
  { name: 'Server memory, highest', unit: 'MB', better: 'less', of: ({ rssPeakMb }) => rssPeakMb },
  {
    name: 'Memory growth per 1,000 purchases',
    unit: 'MB',
    better: 'less',
    of({ samples, rssPeakMb, users }) {
      const before = samples[0]?.rssMb ?? null;
      return before === null || rssPeakMb === null ? null : ((rssPeakMb - before) / users) * 1000;
    },
  },
  {
    name: 'Event loop delay p99, worst second',
    unit: 'ms',
    better: 'less',
    of: ({ samples }) => highest(samples.map(({ eventLoopP99Ms }) => eventLoopP99Ms)),
  },
  {
    name: 'Queue, most waiting',
    unit: '',
    better: 'less',
    of: ({ samples }) => highest(samples.map(({ queueDepth }) => queueDepth)),
  },
  {
    name: 'Queue, oldest waiting',
    unit: 'ms',
    better: 'less',
    of: ({ samples }) => highest(samples.map(({ queueOldestMs }) => queueOldestMs)),
  },
  {
    name: 'Load generator lateness p99',
    unit: 'ms',
    better: 'neither',
    of: ({ generator }) => generator.latenessP99Ms,
  },
  { name: 'Purchases per batch', unit: '', better: 'neither', of: ({ batchMean }) => batchMean },
];

export function serverCpuPerThousand({ cpu, users }: Run): number | null {
  const server = perThousand(cpu.serverMs, users);
  const engines = perThousand(backendsMs(cpu.backendsMs), users);
  return server === null ? null : server + (engines ?? 0);
}

function backendsMs(byEngine: Readonly<Record<string, number>> | null): number | null {
  return byEngine && Object.values(byEngine).reduce((sum, ms) => sum + ms, 0);
}

function perThousand(cpuMs: number | null, users: number): number | null {
  return cpuMs === null || users === 0 ? null : cpuMs / users;
}

function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}
