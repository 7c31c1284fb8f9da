import uPlot from 'uplot';
import type { Course } from './courses.ts';

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
const DARK = '(prefers-color-scheme: dark)';

/** `point` is told which sample is under the pointer of any of the charts; null for none. */
export function createPlot(place: HTMLElement, point: (index: number | null) => void): Plot {
  let plot: uPlot | null = null;
  let shape = '';
  let last: Parameters<Plot['show']> | null = null;

  function show(...now: Parameters<Plot['show']>): void {
    last = now;
    const [times, chart, hidden] = now;
    const shown = chart.lines.map(({ label }) => !hidden.has(label));
    const next = JSON.stringify([chart.lines.map(({ label }) => label), shown]);
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

/** Of stacked lines each is what it adds to the ones before; the highest is drawn first, and the others over it. */
function dataOf(
  times: readonly number[],
  { lines, isStacked, isLogarithmic }: Course,
  shown: readonly boolean[],
) {
  const values = lines.map(({ values }) =>
    isLogarithmic ? values.map((value) => (value === null ? null : Math.max(value, LEAST_MS))) : values,
  );
  if (!isStacked) return [times, ...values] as uPlot.AlignedData;
  let sums: readonly (number | null)[] = times.map(() => 0);
  const stacked = values.map((line, i) => {
    if (!shown[i]) return line;
    sums = sums.map((sum, at) => (sum === null || line[at] == null ? null : sum + line[at]));
    return sums;
  });
  return [times, ...stacked.toReversed()] as uPlot.AlignedData;
}

function optionsOf(
  place: HTMLElement,
  { lines, isStacked = false, isLogarithmic = false, show }: Course,
  shown: readonly boolean[],
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
  const series = lines.map(({ label }, i): uPlot.Series => {
    const stroke = colour(`--line-${(i % COLOURS) + 1}`);
    return {
      label,
      show: shown[i]!,
      stroke,
      width: 1.75,
      dash: isStacked ? [] : DASHES[i % DASHES.length]!,
      points: { show: false },
      spanGaps: false,
      ...(isStacked && { fill: stroke }),
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
      { ...axis, values: (_, splits) => splits.map(clockTime), space: 70 },
      {
        ...axis,
        size: 62,
        values: (_, splits) => splits.map((value) => (value === null ? '' : show(value))),
      },
    ],
    series: [{}, ...(isStacked ? series.toReversed() : series)],
  };
}

const fromZero: uPlot.Range.Function = (_, __, max) => [0, Math.max(max ?? 0, 1) * 1.08];

const decades: uPlot.Range.Function = (_, min, max) => [
  10 ** Math.floor(Math.log10(min ?? 1)),
  10 ** Math.ceil(Math.log10(Math.max(max ?? 100, (min ?? 1) * 1.01))),
];

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
