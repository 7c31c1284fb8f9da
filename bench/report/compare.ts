import { type Figure, latencyFigures, RESOURCES, THROUGHPUT } from './figures.ts';
import { spreadText } from './format.ts';
import { type ReportData, WAYS } from './report-data.ts';
import { isDifferenceShown, REPEATS_TO_TELL, type Spread, spreadOf } from './spread.ts';

/** Two reports' sales side by side. */
export interface Comparison {
  /** What makes the two hard to compare, such as another machine. */
  readonly warnings: readonly string[];
  /** Those with a difference first. */
  readonly rows: readonly ComparedFigure[];
}

export interface ComparedFigure {
  readonly name: string;
  readonly unit: Figure['unit'];
  readonly a: Spread | null;
  readonly b: Spread | null;
  /** Median of B in parts of that of A; null where that says nothing. */
  readonly ratio: number | null;
  readonly verdict: 'better' | 'worse' | 'different' | 'no difference shown';
}

export function compareReports(a: ReportData, b: ReportData): Comparison {
  const figures = [
    ...prefixed('first answer', latencyFigures('answer')),
    ...prefixed('outcome', latencyFigures('outcome')),
    ...THROUGHPUT,
    ...RESOURCES,
  ];
  const rows = WAYS.flatMap((way) =>
    figures.map((figure) => {
      const spread = (data: ReportData) =>
        spreadOf(data.saleRuns.filter((run) => run.way === way).map(figure.of));
      return compareFigure(
        { ...figure, name: `${way}: ${figure.name[0]!.toLowerCase()}${figure.name.slice(1)}` },
        spread(a),
        spread(b),
      );
    }),
  );
  const known = rows.filter((row) => row.a !== null || row.b !== null);
  const [alike, differing] = [true, false].map((which) =>
    known.filter(({ verdict }) => (verdict === 'no difference shown') === which),
  );
  return { warnings: warningsOf(a, b), rows: [...differing!, ...alike!] };
}

export function comparisonText({ warnings, rows }: Comparison, names: readonly [string, string]): string {
  const cells = rows.map(({ name, unit, a, b, ratio, verdict }) => [
    name,
    spreadText(a, unit),
    spreadText(b, unit),
    ratio === null ? '' : `× ${ratio.toFixed(2)}`,
    verdict,
  ]);
  const table = [['', `A: ${names[0]}`, `B: ${names[1]}`, 'B / A', ''], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
  const rule = `Median (lowest to highest) of the repeats. A difference is shown where both have ${REPEATS_TO_TELL} repeats or more, and their ranges do not touch.`;
  return [...warnings.map((text) => `Warning: ${text}`), ...lines, '', rule].join('\n');
}

function prefixed(prefix: string, figures: readonly Figure[]): Figure[] {
  return figures.map((figure) => ({ ...figure, name: `${prefix} ${figure.name}` }));
}

function compareFigure({ name, unit, better }: Figure, a: Spread | null, b: Spread | null): ComparedFigure {
  const ratio = a !== null && b !== null && a.median > 0 ? b.median / a.median : null;
  const common = { name, unit, a, b, ratio };
  if (a === null || b === null || !isDifferenceShown(a, b))
    return { ...common, verdict: 'no difference shown' };
  if (better === 'neither') return { ...common, verdict: 'different' };
  const isLess = b.median < a.median;
  return { ...common, verdict: isLess === (better === 'less') ? 'better' : 'worse' };
}

function warningsOf(a: ReportData, b: ReportData): string[] {
  const differs = (what: string, of: (data: ReportData) => unknown) =>
    JSON.stringify(of(a)) === JSON.stringify(of(b))
      ? []
      : [`the two differ in ${what}: ${JSON.stringify(of(a))} and ${JSON.stringify(of(b))}`];
  return [
    ...differs('machine', ({ machine }) => machine),
    ...differs('backends', ({ backends }) => backends),
    ...differs('workload', ({ sale: { repeats: _, ...workload } }) => workload),
    ...[a, b].flatMap(({ partial }, i) => (partial ? [`${'AB'[i]} was interrupted`] : [])),
    'the two were made one after the other: a machine’s speed may have changed between them',
  ];
}
