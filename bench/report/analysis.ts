import { type Content, contentOf, type Section } from './content.ts';
import type { Table } from './findings.ts';
import { number, withUnit } from './format.ts';
import { type ReportData, WAYS } from './report-data.ts';

/** Where the data of the published analysis are, within the project. */
export const SAMPLES = {
  report: 'results/sample-report/report.json',
  sync: 'results/sample-sync-results.json',
  async: 'results/sample-async-results.json',
} as const;

/** The parts of k6's end-of-test summary that are shown. */
export interface LoadSummary {
  readonly metrics: Readonly<Record<string, LoadMetric>>;
  /** Which program ran the script, and how. */
  readonly made_by: {
    readonly what: string;
    readonly command: string;
    readonly commit: string;
    readonly date: string;
  };
}

export interface LoadMetric {
  readonly type: 'trend' | 'counter' | 'rate' | 'gauge';
  readonly contains: string;
  readonly values: Readonly<Record<string, number>>;
}

/** ANALYSIS_REPORT: the sample report and the load scripts' results, with what the two ways are. No figure is written by hand. */
export function analysisOf(
  data: ReportData,
  summaries: Readonly<Record<'sync' | 'async', LoadSummary>>,
): Content {
  const content = contentOf(data);
  return {
    ...content,
    title: 'Analysis: an immediate answer, or a queue',
    sections: [
      { title: 'The two ways', text: TWO_WAYS, tables: [], charts: [] },
      ...content.sections.map(withSource),
      loadScripts(summaries),
    ],
    facts: content.facts
      .filter(([name]) => name !== 'Data')
      .concat([
        ['Data', `${SAMPLES.report}, ${SAMPLES.sync}, ${SAMPLES.async}; every table names its own`],
        [
          'Made by',
          '`npm run samples` writes this file from those, and a test of the suite does it again and compares',
        ],
      ]),
  };
}

const TWO_WAYS = [
  'Sync: `POST /api/v1/sync/purchase` answers when the order is committed, or refused. The buyer knows at once. A server that cannot keep up ' +
    'makes buyers wait, and beyond its bounds it turns them away with 503 and a time to come again.',
  'Async: `POST /api/v1/async/purchase` answers 202 with a tracking id as soon as the purchase is durably queued. A worker decides it, ' +
    'and the buyer follows the id. The queue takes a peak that the ledger could not decide in time; the price is that a buyer waits for the outcome elsewhere, ' +
    'and that somebody has to build the page that shows it.',
  'Both ways end in one ledger that decides purchases in batches, each batch in one transaction, so neither can sell a unit twice.',
];

function withSource(section: Section): Section {
  const tables = section.tables.map((table) => ({ ...table, source: `${SAMPLES.report}: ${table.source}` }));
  return { ...section, tables };
}

function loadScripts(summaries: Readonly<Record<'sync' | 'async', LoadSummary>>): Section {
  return {
    title: 'The load scripts',
    text: [
      'tests/load-test-sync.js and tests/load-test-async.js are a closed loop: a fixed number of users wait for their answers before they buy ' +
        'again, so a slow server is asked less. Their latencies run from the moment of sending, and compare with the raw ones above.',
      ...WAYS.map((way) => {
        const { what, command, commit, date } = summaries[way].made_by;
        return `${SAMPLES[way]} is of ${date.slice(0, 10)}, commit ${commit}, made by \`${command}\`: ${what}.`;
      }),
    ],
    tables: WAYS.map((way) => loadTable(way, summaries[way])),
    charts: [],
  };
}

/** Metrics that say nothing more here: parts of a request on one machine, and counts of the program's own. */
const LEFT_OUT =
  /^(data_|vus|iteration|checks$|http_reqs$|http_req_failed$|http_req_duration(\{expected|$)|http_req_(blocked|connecting|tls|sending|waiting|receiving))/;
const TIMES = ['med', 'p(90)', 'p(95)', 'p(99)', 'max'] as const;

function loadTable(way: 'sync' | 'async', { metrics }: LoadSummary): Table {
  return {
    title: `Results of tests/load-test-${way}.js`,
    source: `${SAMPLES[way]}: metrics`,
    head: ['', 'Median', 'p90', 'p95', 'p99', 'max', 'Count', 'Rate'],
    rows: Object.entries(metrics)
      .filter(([name]) => !LEFT_OUT.test(name))
      .map(([name, { contains, values }]) => [
        name,
        ...TIMES.map((key) => withUnit(values[key] ?? null, contains === 'time' ? 'ms' : '')),
        values.count === undefined ? '–' : number(values.count),
        rateText(values),
      ]),
  };
}

/** k6 calls both a share and a number per second a rate. */
function rateText({ rate, count, passes }: LoadMetric['values']): string {
  if (rate === undefined) return '–';
  return passes !== undefined || count === undefined ? `${number(rate * 100)} %` : withUnit(rate, '/s');
}
