import uPlot from 'uplot';
import type { Course, Line } from './courses.ts';

/** A drawing of a chart on a canvas. It is hidden from screen readers: legend and table say the same. */
export interface Plot {
  show(times: readonly number[], chart: Course, hidden: ReadonlySet<string>): void;
  close(): void;
}

const HEIGHT_PX = 190;
/** Lines differ in their dashes as well as in their colours. */
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];
const COLOURS = 8;
const LEAST_MS = 0.1;
/** Between the times of an axis: whole seconds, and what clocks are divided into. */
const STEPS_S = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
];
const DARK = '(prefers-color-scheme: dark)';

/** `point` is told which sample is under the pointer of any of the charts; null for none. */
export function createPlot(place: HTMLElement, point: (index: number | null) => void): Plot {
  let plot: uPlot | null = null;
  let shape = '';
  let last: Parameters<Plot['show']> | null = null;

  function show(...now: Parameters<Plot['show']>): void {
    last = now;
    const [times, chart, hidden] = now;
    const shown = chart.lines.filter(({ label }) => !hidden.has(label));
    const next = JSON.stringify([chart.lines.map(({ label }) => label), [...hidden]]);
    const data = dataOf(times, chart, shown);
    if (plot && next === shape) {
      plot.setData(data);
      return;
    }
    plot?.destroy();
    shape = next;
    plot = new uPlot(optionsOf(place, chart, shown, point), data, place);
  }

  /** Colours are the page's, which change with the theme. */
  const redraw = () => {
    shape = '';
    if (last) show(...last);
  };
  const theme = matchMedia(DARK);
  theme.addEventListener('change', redraw);
  const sizes = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT_PX }));
  sizes.observe(place);

  return {
    show,
    close() {
      sizes.disconnect();
      theme.removeEventListener('change', redraw);
      plot?.destroy();
    },
  };
}

/** Of stacked lines each is what it adds to the ones before; the highest comes first. */
function dataOf(times: readonly number[], { isStacked, isLogarithmic }: Course, lines: readonly Line[]) {
  const values = lines.map(({ values }) =>
    isLogarithmic ? values.map((value) => (value === null ? null : Math.max(value, LEAST_MS))) : values,
  );
  if (!isStacked) return [times, ...values] as uPlot.AlignedData;
  let sums: readonly (number | null)[] = times.map(() => 0);
  const stacked = values.map((line) => {
    sums = sums.map((sum, at) => (sum === null || line[at] == null ? null : sum + line[at]));
    return sums;
  });
  return [times, ...stacked.toReversed()] as uPlot.AlignedData;
}

function optionsOf(
  place: HTMLElement,
  { lines, isStacked = false, isLogarithmic = false, show }: Course,
  shown: readonly Line[],
  point: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(place);
  const probe = place.appendChild(document.createElement('i'));
  // A canvas knows no custom properties: an element works out what they come to.
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const [ink, grid] = [colour('--quiet'), colour('--line')];
  // A line keeps its colour while others are hidden.
  const series = shown.map((line): uPlot.Series => {
    const i = lines.indexOf(line);
    const stroke = colour(`--line-${(i % COLOURS) + 1}`);
    return {
      label: line.label,
      stroke,
      width: 1.75,
      dash: isStacked ? [] : DASHES[i % DASHES.length]!,
      points: { show: false },
      ...(isStacked && { fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.3)') }),
    };
  });
  probe.remove();
  const axis = {
    stroke: ink,
    font: `11px ${style.fontFamily}`,
    grid: { stroke: grid, width: 1 },
    ticks: { stroke: grid, width: 1, size: 4 },
  };
  return {
    width: place.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { sync: { key: 'ops' }, drag: { x: false, y: false }, points: { show: !isStacked } },
    hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? null)] },
    scales: {
      y: isLogarithmic ? { distr: 3, range: decades } : { range: fromZero },
    },
    axes: [
      { ...axis, size: 30, values: (_, splits) => splits.map(clockTime), space: 70, incrs: STEPS_S },
      {
        ...axis,
        size: 62,
        ...(isLogarithmic && { splits: powersOfTen }),
        values: (_, splits) => splits.map((value) => (value === null ? '' : show(value))),
      },
    ],
    series: [{}, ...(isStacked ? series.toReversed() : series)],
    // Each is filled down to the one below.
    ...(isStacked && {
      bands: series.slice(1).map((_, i) => ({ series: [i + 1, i + 2] as [number, number] })),
    }),
  };
}

const fromZero: uPlot.Range.Function = (_, __, max) => [0, Math.max(max ?? 0, 1) * 1.08];

const decades: uPlot.Range.Function = (_, min, max) => [
  10 ** Math.floor(Math.log10(min ?? 1)),
  10 ** Math.ceil(Math.log10(Math.max(max ?? 100, (min ?? 1) * 1.01))),
];

const powersOfTen = (_: uPlot, __: number, min: number, max: number): number[] => {
  const first = Math.round(Math.log10(min));
  return Array.from({ length: Math.round(Math.log10(max)) - first + 1 }, (_, i) => 10 ** (first + i));
};

const CLOCK = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

function clockTime(seconds: number): string {
  const text = CLOCK.format(seconds * 1000);
  return text.endsWith(':00') ? text.slice(0, 5) : text;
}
