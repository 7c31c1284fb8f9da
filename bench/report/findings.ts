import { generatorWarning } from '../generator-limits.ts';
import { type Figure, latencyFigures, RESOURCES, serverCpuPerThousand, THROUGHPUT } from './figures.ts';
import { number, spreadText, withUnit } from './format.ts';
import { type ReportData, type Run, WAYS, type Way } from './report-data.ts';
import { isDifferenceShown, type Spread, spreadOf } from './spread.ts';

/** What a report says, computed from its data, and written by each kind of document in its own way. */
export interface Findings {
  readonly verdicts: readonly FoundVerdict[];
  readonly warnings: readonly string[];
  readonly advice: Advice;
  readonly sale: readonly Table[];
  readonly sweep: Table;
  readonly atOnce: Table;
  readonly knees: Readonly<Record<Way, Knee | null>>;
}

export interface FoundVerdict {
  readonly name: string;
  readonly pass: boolean;
  readonly detail: string;
}

export interface Table {
  readonly title: string;
  /** Whence the figures come, within report.json. */
  readonly source: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Advice {
  readonly title: string;
  readonly choice: string;
  readonly rule: string;
  readonly questions: readonly {
    readonly question: string;
    readonly answer: string;
    readonly because: string;
  }[];
}

/** The highest load at which a way keeps up, and the first one at which it does not. */
export interface Knee {
  readonly keepsUpPerS: number | null;
  readonly failsPerS: number | null;
}

/** A load is above the knee when its p99 is so many times that of the lightest load, and noticeable, … */
const KNEE_TIMES = 5;
const KNEE_MS_MIN = 100;
/** … or when it takes so many times as long as the buyers came, besides what is not noticeable. */
const KNEE_LENGTH_TIMES = 1.1;
/** Above a second a person's flow of thought is interrupted (Nielsen, Usability Engineering, 1993, chapter 5). */
const AT_ONCE_MS = 1_000;

export const KNEE_RULE =
  `A way keeps up with a load while the p99 of its outcomes is at most ${KNEE_TIMES} times that at the lightest load (or under ` +
  `${KNEE_MS_MIN} ms), and all outcomes are known within ${KNEE_LENGTH_TIMES} times the time in which the buyers came, and ${KNEE_MS_MIN} ms.`;

export function findingsOf(data: ReportData): Findings {
  const knees = { sync: kneeOf(data, 'sync'), async: kneeOf(data, 'async') };
  return {
    verdicts: verdictsOf(data),
    warnings: warningsOf(data),
    advice: adviceOf(data, knees),
    sale: saleTables(data),
    sweep: sweepTable(data),
    atOnce: atOnceTable(data),
    knees,
  };
}

function allRuns({ saleRuns, sweepRuns, atOnceRuns }: ReportData): Run[] {
  return [...saleRuns, ...sweepRuns, ...atOnceRuns];
}

function verdictsOf(data: ReportData): FoundVerdict[] {
  const all = allRuns(data).flatMap((run) => run.verdicts.map((verdict) => ({ run, verdict })));
  const byName = Map.groupBy(all, ({ verdict }) => verdict.name);
  return Array.from(byName, ([name, given]) => {
    const failed = given.filter(({ verdict }) => !verdict.pass);
    const purchases = given.reduce((sum, { run }) => sum + run.users, 0);
    const [first] = failed;
    return {
      name,
      pass: failed.length === 0,
      detail: first
        ? `in ${failed.length} of ${given.length} runs, first ${first.run.way} at ${number(first.run.offeredPerS)}/s: ${first.verdict.detail}`
        : `in ${given.length} runs, ${number(purchases)} buyers`,
    };
  });
}

function warningsOf(data: ReportData): string[] {
  const warnings: string[] = [];
  if (data.partial) warnings.push('The report was interrupted: parts of it are missing.');
  const limited = allRuns(data).flatMap((run) => {
    const { cpuShare, latenessP99Ms } = run.generator;
    const why = generatorWarning({ cpuGeneratorPct: Math.round(cpuShare * 100), latenessP99Ms });
    return why === null ? [] : [{ run, why }];
  });
  const [first] = limited;
  if (first) {
    warnings.push(
      `In ${limited.length} of ${allRuns(data).length} runs latencies are partly the load generator's own. The first, ${first.run.way} at ` +
        `${number(first.run.offeredPerS)}/s: ${first.why}.`,
    );
  }
  warnings.push(
    `Generator${data.saleRuns[0]?.cpu.backendsMs ? ', backends' : ''} and server shared the ${data.machine.cores} cores of one machine. ` +
      'On machines of their own the figures are better.',
  );
  return warnings;
}

function kneeOf({ sweepRuns }: ReportData, way: Way): Knee | null {
  const runs = sweepRuns.filter((run) => run.way === way).toSorted((a, b) => a.offeredPerS - b.offeredPerS);
  const [lightest] = runs;
  if (!lightest) return null;
  const limitMs = Math.max(KNEE_MS_MIN, KNEE_TIMES * (lightest.outcome.p99 ?? 0));
  const failing = runs.findIndex(
    ({ outcome, elapsedMs, users, offeredPerS }) =>
      (outcome.p99 ?? Number.POSITIVE_INFINITY) > limitMs ||
      elapsedMs > KNEE_LENGTH_TIMES * (users / offeredPerS) * 1000 + KNEE_MS_MIN,
  );
  const keeps = failing < 0 ? runs.at(-1) : runs[failing - 1];
  return {
    keepsUpPerS: keeps?.offeredPerS ?? null,
    failsPerS: failing < 0 ? null : runs[failing]!.offeredPerS,
  };
}

function saleTables(data: ReportData): Table[] {
  const sync = data.saleRuns.filter(({ way }) => way === 'sync');
  const asynchronous = data.saleRuns.filter(({ way }) => way === 'async');
  const latency = (title: string, raw: '' | 'Raw'): Table => ({
    title,
    source: `saleRuns[].answer${raw}, outcome${raw}`,
    head: ['', 'Sync: outcome', 'Async: accepted', 'Async: outcome'],
    rows: latencyFigures(`answer${raw}`).map((answer, i) => {
      const outcome = latencyFigures(`outcome${raw}`)[i]!;
      return [answer.name, cell(sync, outcome), cell(asynchronous, answer), cell(asynchronous, outcome)];
    }),
  });
  const figures = (title: string, source: string, all: readonly Figure[]): Table => ({
    title,
    source,
    head: ['', 'Sync', 'Async'],
    rows: all
      .map((figure) => [figure.name, cell(sync, figure), cell(asynchronous, figure)])
      .filter(([, ...cells]) => cells.some((text) => text !== '–')),
  });
  return [
    latency('Latency from the intended start', ''),
    latency('Latency from the moment of sending', 'Raw'),
    figures('Throughput', 'saleRuns[].offeredPerS, achievedPerS, usefulPerS, soldOutMs', THROUGHPUT),
    figures('Resources', 'saleRuns[].cpu, rssPeakMb, samples, batchMean', RESOURCES),
    outcomeTable(sync, asynchronous),
  ];
}

const OUTCOME_NAMES = {
  granted: ['sold', 'confirmed'],
  refused: ['refused', 'rejected'],
  'dead-lettered': ['failed'],
  'turned away for good': ['overloaded'],
  'unknown to the buyer': ['unknown', 'none', 'accepted'],
  'outside the contract': ['wrong'],
} as const;

function outcomeTable(sync: readonly Run[], asynchronous: readonly Run[]): Table {
  return {
    title: 'What became of the buyers',
    source: 'saleRuns[].outcomes',
    head: ['', 'Sync', 'Async'],
    rows: Object.entries(OUTCOME_NAMES).map(([name, results]) => {
      const figure: Figure = {
        name,
        unit: '',
        better: 'neither',
        of: ({ outcomes }) => results.reduce((sum, result) => sum + (outcomes[result] ?? 0), 0),
      };
      return [name, cell(sync, figure), cell(asynchronous, figure)];
    }),
  };
}

function sweepTable({ sweepRuns }: ReportData): Table {
  return {
    title: 'Latency and throughput by offered load',
    source: 'sweepRuns[]',
    head: [
      'Offered',
      'Way',
      'Answer p50',
      'Answer p99',
      'Outcome p99',
      'Useful',
      'Turned away',
      'CPU per 1,000',
    ],
    rows: sweepRuns
      .toSorted((a, b) => a.offeredPerS - b.offeredPerS || b.way.localeCompare(a.way))
      .map(loadRow),
  };
}

function atOnceTable({ atOnceRuns }: ReportData): Table {
  return {
    title: 'Everybody in the same moment',
    source: 'atOnceRuns[]',
    head: ['Buyers', 'Way', 'Answer p50', 'Answer p95', 'Answer p99', 'Outcome p99', 'Answered', 'Useful'],
    rows: atOnceRuns.map((run) => [
      number(run.users),
      run.way,
      withUnit(run.answer.p50, 'ms'),
      withUnit(run.answer.p95, 'ms'),
      withUnit(run.answer.p99, 'ms'),
      withUnit(run.outcome.p99, 'ms'),
      withUnit(run.achievedPerS, '/s'),
      withUnit(run.usefulPerS, '/s'),
    ]),
  };
}

function loadRow(run: Run): string[] {
  return [
    withUnit(run.offeredPerS, '/s'),
    run.way,
    withUnit(run.answer.p50, 'ms'),
    withUnit(run.answer.p99, 'ms'),
    withUnit(run.outcome.p99, 'ms'),
    withUnit(run.usefulPerS, '/s'),
    number(run.outcomes.overloaded ?? 0),
    withUnit(serverCpuPerThousand(run), 's'),
  ];
}

function cell(runs: readonly Run[], { of, unit }: Pick<Figure, 'of' | 'unit'>): string {
  return spreadText(spreadOf(runs.map(of)), unit);
}

function adviceOf(data: ReportData, knees: Findings['knees']): Advice {
  const sync = data.saleRuns.filter(({ way }) => way === 'sync');
  const asynchronous = data.saleRuns.filter(({ way }) => way === 'async');
  const rule =
    `Sync, where in the sale above 99 of 100 buyers know their outcome within ${AT_ONCE_MS / 1000} s and nobody was turned away or left ` +
    `without an answer. Else async, where 99 of 100 are accepted within ${AT_ONCE_MS / 1000} s. Else neither: more instances.`;
  const p99 = (runs: readonly Run[], of: (run: Run) => number | null) => spreadOf(runs.map(of));
  const syncP99 = p99(sync, ({ outcome }) => outcome.p99);
  const acceptP99 = p99(asynchronous, ({ answer }) => answer.p99);
  const confirmP99 = p99(asynchronous, ({ outcome }) => outcome.p99);
  const lost = sync.reduce((sum, { outcomes }) => {
    const { overloaded = 0, unknown = 0, none = 0, wrong = 0 } = outcomes;
    return sum + overloaded + unknown + none + wrong;
  }, 0);
  const choice =
    syncP99 === null || acceptP99 === null
      ? 'Not enough was measured to say.'
      : syncP99.max <= AT_ONCE_MS && lost === 0
        ? 'Sync, for a sale like this one.'
        : acceptP99.max <= AT_ONCE_MS
          ? 'Async, for a sale like this one.'
          : 'Neither: more instances.';
  const top = data.sweepRuns.reduce((most, { offeredPerS }) => Math.max(most, offeredPerS), 0);
  const atTop = (way: Way) => data.sweepRuns.find((run) => run.way === way && run.offeredPerS === top);
  return {
    title: 'Which way to use',
    choice,
    rule,
    questions: [
      compared(
        'Which one tells the buyer the outcome sooner?',
        'ms',
        'less',
        syncP99,
        confirmP99,
        'p99 of the outcome in the sale',
      ),
      compared(
        'Which one frees the request sooner?',
        'ms',
        'less',
        syncP99,
        acceptP99,
        'p99 of the first answer in the sale',
      ),
      compared(
        'Which one costs less?',
        's',
        'less',
        p99(sync, serverCpuPerThousand),
        p99(asynchronous, serverCpuPerThousand),
        'CPU of server and backends per 1,000 purchases in the sale',
      ),
      ...(data.sweepRuns.length === 0
        ? []
        : [
            {
              question: 'How far does each go?',
              answer: `Sync ${kneeText(knees.sync)}; async ${kneeText(knees.async)}.`,
              because: KNEE_RULE,
            },
            {
              question: 'And above that?',
              answer: WAYS.map((way) => overloadText(atTop(way), way)).join(' '),
              because: `the heaviest load of the sweep, ${number(top)} a second`,
            },
          ]),
    ],
  };
}

function compared(
  question: string,
  unit: 'ms' | 's',
  better: 'less' | 'more',
  sync: Spread | null,
  asynchronous: Spread | null,
  what: string,
): Advice['questions'][number] {
  const because = `${what}: sync ${spreadText(sync, unit)}, async ${spreadText(asynchronous, unit)}`;
  if (sync === null || asynchronous === null) return { question, answer: 'Not measured.', because };
  if (!isDifferenceShown(sync, asynchronous)) return { question, answer: 'No difference shown.', because };
  const isSync = better === 'less' ? sync.median < asynchronous.median : sync.median > asynchronous.median;
  return { question, answer: isSync ? 'Sync.' : 'Async.', because };
}

export function kneeText(knee: Knee | null): string {
  if (knee === null) return 'was not measured';
  if (knee.keepsUpPerS === null) return `fails at ${number(knee.failsPerS!)}/s already`;
  const fails =
    knee.failsPerS === null ? ', the highest that was tried' : `, not with ${number(knee.failsPerS)}/s`;
  return `keeps up with ${number(knee.keepsUpPerS)}/s${fails}`;
}

function overloadText(run: Run | undefined, way: Way): string {
  if (run === undefined) return `${way} was not measured.`;
  const away = run.outcomes.overloaded ?? 0;
  const first = way === 'sync' ? 'answers' : 'accepts';
  const then = way === 'sync' ? '' : `, the outcome within ${withUnit(run.outcome.p99, 'ms')}`;
  const turned = away === 0 ? 'nobody turned away' : `${number(away)} of ${number(run.users)} turned away`;
  return `${way === 'sync' ? 'Sync' : 'Async'} ${first} 99 of 100 within ${withUnit(run.answer.p99, 'ms')}${then}, ${turned}.`;
}
