import { measure, whole } from '../format.ts';
import { OPS } from '../text.ts';
import type { PerSecond, Sample, Times } from './shapes.ts';

/** A line of a chart. A value that could not be read is null, and leaves a gap. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

export interface Course {
  readonly name: string;
  readonly title: string;
  /** Each line is on top of the one before. */
  readonly isStacked?: boolean;
  readonly isLogarithmic?: boolean;
  readonly lines: readonly Line[];
  show(value: number): string;
}

export interface Courses {
  /** Seconds since the epoch, rising. */
  readonly times: readonly number[];
  readonly charts: readonly Course[];
}

/** Processes drawn one by one; a chart with more says nothing. */
const INSTANCES_MAX = 8;

/** The charts of what happened, with the units of one product or of all. */
export function coursesOf(samples: readonly Sample[], productId: number | null): Courses {
  const { charts, lines } = OPS;
  const each = (value: (sample: Sample) => number | null) => samples.map(value);
  const units = (field: 'sold' | 'reserved' | 'available') => ({
    label: OPS.units[field],
    values: each(({ units }) => {
      const counted = units?.filter((one) => productId === null || one.productId === productId);
      return counted && counted.length > 0 ? counted.reduce((sum, one) => sum + one[field], 0) : null;
    }),
  });
  const rate = (...names: (keyof PerSecond)[]) =>
    each(({ total }) => names.reduce((sum, name) => sum + total.perSecond[name], 0));
  const time = (name: keyof Times) => each(({ total }) => total.times[name]);
  const instances = newestInstances(samples);
  const byInstance = (value: (one: Sample['instances'][number]) => number) =>
    instances.map((instance) => ({
      label: instance,
      values: each(({ instances }) => {
        const one = instances.find((other) => other.instance === instance);
        return one ? value(one) : null;
      }),
    }));
  return {
    times: samples.map(({ at }) => Date.parse(at) / 1000),
    charts: [
      {
        name: 'units',
        title: charts.units,
        isStacked: true,
        lines: [units('sold'), units('reserved'), units('available')],
        show: whole,
      },
      {
        name: 'throughput',
        title: charts.throughput,
        lines: [
          { label: lines.attempts, values: rate('syncAttempts', 'asyncAttempts') },
          { label: lines.reserved, values: rate('reserved') },
          { label: lines.refused, values: rate('refused') },
          { label: lines.paid, values: rate('paid') },
          { label: lines.lost, values: rate('declined', 'expired') },
        ],
        show: (value) => `${measure(value)}/s`,
      },
      {
        name: 'latency',
        title: charts.latency,
        isLogarithmic: true,
        lines: [
          { label: lines.syncP50, values: time('syncP50Ms') },
          { label: lines.syncP99, values: time('syncP99Ms') },
          { label: lines.acceptP99, values: time('acceptP99Ms') },
          { label: lines.confirmP99, values: time('confirmP99Ms') },
        ],
        show: (value) => `${measure(value)} ms`,
      },
      {
        name: 'backlog',
        title: charts.backlog,
        lines: [{ label: lines.purchases, values: each(({ backlog }) => backlog.purchases) }],
        show: whole,
      },
      {
        name: 'event-loop',
        title: charts.eventLoop,
        lines: byInstance(({ eventLoopP99Ms }) => eventLoopP99Ms),
        show: (value) => `${measure(value)} ms`,
      },
      {
        name: 'cpu',
        title: charts.cpu,
        lines: byInstance(({ cpuShare }) => cpuShare * 100),
        show: (value) => `${measure(value)} %`,
      },
      {
        name: 'memory',
        title: charts.memory,
        lines: byInstance(({ rssBytes }) => rssBytes / 1024 ** 2),
        show: (value) => `${measure(value)} MiB`,
      },
    ],
  };
}

/** Those of the last so many milliseconds before the newest. */
export function within(samples: readonly Sample[], lastMs: number): readonly Sample[] {
  const fromMs = Date.parse(samples.at(-1)?.at ?? '') - lastMs;
  return samples.filter(({ at }) => Date.parse(at) >= fromMs);
}

/** Newest first, so that of many generations of processes the running ones are drawn; then by name, so that lines keep their colours. */
function newestInstances(samples: readonly Sample[]): string[] {
  const found = new Set<string>();
  for (let i = samples.length - 1; i >= 0 && found.size < INSTANCES_MAX; i--)
    for (const { instance } of samples[i]!.instances) if (found.size < INSTANCES_MAX) found.add(instance);
  return [...found].sort();
}
