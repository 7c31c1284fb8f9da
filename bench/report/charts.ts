import type { Chart, Series } from './chart.ts';
import { latencyFigures, serverCpuPerThousand } from './figures.ts';
import type { Findings } from './findings.ts';
import type { ReportData, Run, Sample, Way } from './report-data.ts';
import { spreadOf } from './spread.ts';

/** The charts of a report, by the section that shows them. A chart without data is left out. */
export function chartsOf(data: ReportData, { knees }: Findings): Record<'sale' | 'sweep', readonly Chart[]> {
  const sync = typical(data.saleRuns.filter(({ way }) => way === 'sync'));
  const asynchronous = typical(data.saleRuns.filter(({ way }) => way === 'async'));
  const both = { sync, async: asynchronous };
  return {
    sale: [
      percentiles(data),
      latencyOverTime(both),
      unitsOverTime(both),
      queueOverTime(both),
      queueAgeOverTime(both),
      cpuOverTime(both),
      memoryOverTime(both),
      eventLoopOverTime(both),
      batchOverTime(both),
    ].filter(hasData),
    sweep: [latencyByLoad(data, knees), usefulByLoad(data), cpuByLoad(data)].filter(hasData),
  };
}

/** Fewer make no course. */
const POINTS_MIN = 3;

type Both = Readonly<Record<Way, Run | undefined>>;

/** Of several repeats the one with the median p99. */
function typical(runs: readonly Run[]): Run | undefined {
  const sorted = runs.toSorted((a, b) => (a.outcome.p99 ?? 0) - (b.outcome.p99 ?? 0));
  return sorted[(sorted.length - 1) >> 1];
}

function hasData({ series }: Chart): boolean {
  return series.some(({ points }) => points.filter(([, y]) => y !== null).length >= POINTS_MIN);
}

function percentiles({ saleRuns }: ReportData): Chart {
  const medians = (way: Way, kind: 'answer' | 'outcome') =>
    latencyFigures(kind).map(({ of }, i): [number, number | null] => [
      i,
      spreadOf(saleRuns.filter((run) => run.way === way).map(of))?.median ?? null,
    ]);
  return {
    id: 'latency-percentiles',
    title: 'Latency of the sale, from the intended start',
    says: 'Percentiles of sync outcomes, async acceptances and async outcomes; the table below has the figures.',
    x: { name: 'percentile', categories: latencyFigures('answer').map(({ name }) => name) },
    y: { name: 'ms, logarithmic', isLogarithmic: true },
    series: [
      { name: 'sync: outcome', colour: 'sync', points: medians('sync', 'outcome') },
      { name: 'async: accepted', colour: 'accept', points: medians('async', 'answer') },
      { name: 'async: outcome', colour: 'outcome', points: medians('async', 'outcome') },
    ],
  };
}

function latencyOverTime({ sync, async: asynchronous }: Both): Chart {
  const line = (
    run: Run | undefined,
    of: 'answerP99' | 'outcomeP99',
  ): readonly (readonly [number, number | null])[] =>
    run?.latencyOverTime.map((moment) => [seconds(moment.atMs), moment[of]] as const) ?? [];
  return {
    id: 'latency-over-time',
    title: 'p99 over the course of the sale',
    says: 'How the 99th percentile changes while the crowd comes.',
    x: { name: 'seconds since the opening' },
    y: { name: 'ms, logarithmic', isLogarithmic: true },
    series: [
      { name: 'sync: outcome', colour: 'sync', points: line(sync, 'outcomeP99') },
      { name: 'async: accepted', colour: 'accept', points: line(asynchronous, 'answerP99') },
      { name: 'async: outcome', colour: 'outcome', points: line(asynchronous, 'outcomeP99') },
    ],
  };
}

function unitsOverTime({ sync, async: asynchronous }: Both): Chart {
  const line = (run: Run | undefined): Series['points'] =>
    run
      ? [...run.unitsGranted, [run.elapsedMs, run.unitsGranted.at(-1)![1]] as const].map(
          ([atMs, granted]) => [seconds(atMs), granted] as const,
        )
      : [];
  return {
    id: 'units-over-time',
    title: 'Units granted, and paid',
    says: 'How many units buyers had been told of at each moment, and how many of them were paid.',
    x: { name: 'seconds since the opening' },
    y: { name: 'units' },
    series: [
      { name: 'sync: granted', colour: 'sync', points: line(sync) },
      { name: 'async: granted', colour: 'outcome', points: line(asynchronous) },
      { name: 'sync: paid', colour: 'sync', isDashed: true, points: samples(sync, ({ sold }) => sold) },
      {
        name: 'async: paid',
        colour: 'outcome',
        isDashed: true,
        points: samples(asynchronous, ({ sold }) => sold),
      },
    ],
  };
}

function queueOverTime({ async: asynchronous }: Both): Chart {
  return {
    id: 'queue-over-time',
    title: 'Purchases waiting in the queue',
    says: 'How many accepted purchases waited for their decision.',
    x: { name: 'seconds since the opening' },
    y: { name: 'purchases' },
    series: [
      { name: 'async', colour: 'outcome', points: samples(asynchronous, ({ queueDepth }) => queueDepth) },
    ],
  };
}

function queueAgeOverTime({ async: asynchronous }: Both): Chart {
  return {
    id: 'queue-age-over-time',
    title: 'Age of the oldest in the queue',
    says: 'For how long the purchase had waited that had waited longest.',
    x: { name: 'seconds since the opening' },
    y: { name: 'ms' },
    series: [
      {
        name: 'async',
        colour: 'outcome',
        points: samples(asynchronous, ({ queueOldestMs }) => queueOldestMs),
      },
    ],
  };
}

function cpuOverTime({ sync, async: asynchronous }: Both): Chart {
  const percent = (share: number | null) => share && share * 100;
  return {
    id: 'cpu-over-time',
    title: 'CPU of the server, the backends and the load generator',
    says: 'The part of one core that each used.',
    x: { name: 'seconds since the opening' },
    y: { name: '% of one core' },
    series: [
      { name: 'sync: server', colour: 'sync', points: samples(sync, (one) => percent(one.cpuServerShare)) },
      {
        name: 'sync: backends',
        colour: 'sync',
        isDashed: true,
        points: samples(sync, (one) => percent(one.cpuBackendsShare)),
      },
      {
        name: 'async: server',
        colour: 'outcome',
        points: samples(asynchronous, (one) => percent(one.cpuServerShare)),
      },
      {
        name: 'async: backends',
        colour: 'outcome',
        isDashed: true,
        points: samples(asynchronous, (one) => percent(one.cpuBackendsShare)),
      },
      {
        name: 'generator (sync)',
        colour: 'other',
        points: samples(sync, (one) => percent(one.cpuGeneratorShare)),
      },
    ].filter(({ points }) => points.some(([, y]) => y !== null)) as Series[],
  };
}

function memoryOverTime({ sync, async: asynchronous }: Both): Chart {
  return {
    id: 'memory-over-time',
    title: 'Memory of the server',
    says: 'Resident memory of all its processes.',
    x: { name: 'seconds since the opening' },
    y: { name: 'MB' },
    series: [
      { name: 'sync', colour: 'sync', points: samples(sync, ({ rssMb }) => rssMb) },
      { name: 'async', colour: 'outcome', points: samples(asynchronous, ({ rssMb }) => rssMb) },
    ],
  };
}

function eventLoopOverTime({ sync, async: asynchronous }: Both): Chart {
  return {
    id: 'event-loop-over-time',
    title: 'Event loop delay of the server',
    says: 'The 99th percentile of each second.',
    x: { name: 'seconds since the opening' },
    y: { name: 'ms' },
    series: [
      { name: 'sync', colour: 'sync', points: samples(sync, ({ eventLoopP99Ms }) => eventLoopP99Ms) },
      {
        name: 'async',
        colour: 'outcome',
        points: samples(asynchronous, ({ eventLoopP99Ms }) => eventLoopP99Ms),
      },
    ],
  };
}

function batchOverTime({ sync, async: asynchronous }: Both): Chart {
  return {
    id: 'batch-over-time',
    title: 'Purchases in one batch',
    says: 'Sync: in a transaction. Async: in a message. Large batches are why a rush costs less CPU for each purchase than a trickle.',
    x: { name: 'seconds since the opening' },
    y: { name: 'purchases per batch' },
    series: [
      { name: 'sync', colour: 'sync', points: samples(sync, ({ batch }) => batch) },
      { name: 'async', colour: 'outcome', points: samples(asynchronous, ({ batch }) => batch) },
    ],
  };
}

function latencyByLoad(data: ReportData, knees: Findings['knees']): Chart {
  const knee = (way: Way, word: string) => {
    const at = knees[way]?.keepsUpPerS;
    return at == null ? [] : [{ x: at, word }];
  };
  return {
    id: 'latency-by-load',
    title: 'p99 by offered load',
    says: 'The knee is the highest load with which a way keeps up.',
    x: { name: 'buyers per second' },
    y: { name: 'ms, logarithmic', isLogarithmic: true },
    series: [
      {
        name: 'sync: outcome',
        colour: 'sync',
        points: byLoad(data, 'sync', ({ outcome }) => outcome.p99),
        marks: knee('sync', 'sync knee'),
      },
      {
        name: 'async: accepted',
        colour: 'accept',
        points: byLoad(data, 'async', ({ answer }) => answer.p99),
      },
      {
        name: 'async: outcome',
        colour: 'outcome',
        points: byLoad(data, 'async', ({ outcome }) => outcome.p99),
        marks: knee('async', 'async knee'),
      },
    ],
  };
}

function usefulByLoad(data: ReportData): Chart {
  const rates = [...new Set(data.sweepRuns.map(({ offeredPerS }) => offeredPerS))].sort((a, b) => a - b);
  return {
    id: 'throughput-by-load',
    title: 'Outcomes known per second, by offered load',
    says: 'A way that keeps up lies on the dashed line.',
    x: { name: 'buyers per second' },
    y: { name: 'outcomes per second' },
    series: [
      {
        name: 'as offered',
        colour: 'other',
        isDashed: true,
        points: rates.map((rate) => [rate, rate] as const),
      },
      { name: 'sync', colour: 'sync', points: byLoad(data, 'sync', ({ usefulPerS }) => usefulPerS) },
      { name: 'async', colour: 'outcome', points: byLoad(data, 'async', ({ usefulPerS }) => usefulPerS) },
    ],
  };
}

function cpuByLoad(data: ReportData): Chart {
  const micros = (run: Run) => {
    const perThousand = serverCpuPerThousand(run);
    return perThousand && perThousand * 1000;
  };
  return {
    id: 'cpu-by-load',
    title: 'CPU of one purchase, by offered load',
    says: 'CPU time of server and backends for each purchase; batches make it fall as the load rises.',
    x: { name: 'buyers per second' },
    y: { name: 'µs of CPU' },
    series: [
      { name: 'sync', colour: 'sync', points: byLoad(data, 'sync', micros) },
      { name: 'async', colour: 'outcome', points: byLoad(data, 'async', micros) },
    ],
  };
}

function byLoad({ sweepRuns }: ReportData, way: Way, of: (run: Run) => number | null): Series['points'] {
  return sweepRuns
    .filter((run) => run.way === way)
    .toSorted((a, b) => a.offeredPerS - b.offeredPerS)
    .map((run) => [run.offeredPerS, of(run)] as const);
}

function samples(run: Run | undefined, of: (sample: Sample) => number | null): Series['points'] {
  return run?.samples.map((sample) => [seconds(sample.atMs), of(sample)] as const) ?? [];
}

function seconds(ms: number): number {
  return ms / 1000;
}
