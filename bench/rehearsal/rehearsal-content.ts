import type { Chart, Series } from '../report/chart.ts';
import type { Content, Section } from '../report/content.ts';
import { number, withUnit } from '../report/format.ts';
import type { LatencyMoment, Percentiles } from '../report/report-data.ts';
import type { RehearsalResult } from './rehearsal.ts';
import { cleanUpLine, titleOf } from './rehearsal-text.ts';

/** A rehearsal as a document, written by the writers of reports. */
export function rehearsalContent(result: RehearsalResult): Content {
  const { go, line, verdicts, crowd, options, startedAt, tookMs, serverVersion } = result;
  const judged = verdicts.filter(({ state }) => state !== 'WARN');
  const warnings = verdicts.filter(({ state }) => state === 'WARN');
  return {
    title: `Rehearsal: ${go ? 'GO' : 'NO-GO'}`,
    subtitle: titleOf(result),
    findings: {
      verdicts: judged.map(({ group, name, state, detail }) => ({
        name: `${group}: ${name}`,
        pass: state === 'PASS',
        detail,
      })),
      warnings: [
        ...warnings.map(({ name, detail }) => `${name}: ${detail}`),
        ...(result.leftBehind === null ? [] : [cleanUpLine(result)]),
      ],
      advice: {
        title: 'Go or no-go',
        choice: line,
        rule: 'GO, where no verdict failed: of the deployment before the crowd, of its answers and books, and of each threshold.',
        questions: [],
      },
    },
    sections: crowd === null ? [] : [crowdSection(crowd)],
    facts: [
      ['Began', `${startedAt}, took ${(tookMs / 1000).toFixed(1)} s`],
      ['Program', `PulseCart ${serverVersion ?? 'unknown'} there`],
      [
        'Crowd',
        `${number(options.users)} buyers, ${options.mode}, profile ${options.profile}, ${number(options.rate)} a second on average`,
      ],
      ['Seed', `${options.seed} (the same seed gives the same crowd)`],
      ['Data', 'rehearsal.json, beside this file'],
    ],
    notMeasured: [
      'The payment company, which never hears of a hidden product.',
      'The networks of real buyers: this crowd came from one machine.',
    ],
  };
}

type Crowd = NonNullable<RehearsalResult['crowd']>;

function crowdSection(crowd: Crowd): Section {
  const { latency, granted, repeated, refused, errors, viewers, elapsedMs } = crowd;
  const columns = [latency.sync, latency.accept, latency.confirm];
  const row = (name: string, of: (one: Percentiles) => number | null) => [
    name,
    ...columns.map((one) => withUnit(of(one), 'ms')),
  ];
  return {
    title: 'The crowd',
    text: [
      `${number(crowd.users)} buyers came, the last outcome was known after ${number(elapsedMs / 1000)} s. Granted ${number(granted)} ` +
        `(${number(repeated)} of them twice under one key), refused ${number(refused)}, errors ${number(errors)}, live viewers ${number(viewers)}. ` +
        'Latency runs from the moment at which a buyer meant to buy.',
    ],
    tables: [
      {
        title: 'Latency from the intended start',
        source: 'crowd.latency',
        head: ['', 'Sync: outcome', 'Async: accepted', 'Async: outcome'],
        rows: [
          row('p50', ({ p50 }) => p50),
          row('p90', ({ p90 }) => p90),
          row('p95', ({ p95 }) => p95),
          row('p99', ({ p99 }) => p99),
          row('p99.9', ({ p999 }) => p999),
          row('max', ({ max }) => max),
        ],
      },
    ],
    charts: [latencyChart(crowd)],
  };
}

function latencyChart({ latencyOverTime: { sync, async: asynchronous } }: Crowd): Chart {
  const line = (
    name: string,
    colour: Series['colour'],
    moments: readonly LatencyMoment[],
    of: (moment: LatencyMoment) => number | null,
  ): Series => ({
    name,
    colour,
    points: moments.map((moment) => [moment.atMs / 1000, of(moment)] as const),
  });
  const series = [
    line('sync: outcome', 'sync', sync, ({ outcomeP99 }) => outcomeP99),
    line('async: accepted', 'accept', asynchronous, ({ answerP99 }) => answerP99),
    line('async: outcome', 'outcome', asynchronous, ({ outcomeP99 }) => outcomeP99),
  ];
  return {
    id: 'rehearsal-latency',
    title: 'p99 over the course of the crowd',
    says: 'How the 99th percentile changes while the crowd comes.',
    x: { name: 'seconds since the first buyer' },
    y: { name: 'ms, logarithmic', isLogarithmic: true },
    series: series.filter(({ points }) => points.some(([, y]) => y !== null)),
  };
}
