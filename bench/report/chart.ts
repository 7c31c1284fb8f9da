import { LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, MarkLineComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([LineChart, GridComponent, LegendComponent, MarkLineComponent, SVGRenderer]);

/** A chart of lines, drawn as SVG without a browser and without a script in it. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One sentence for who cannot see it. */
  readonly says: string;
  readonly x: { readonly name: string; readonly categories?: readonly string[] };
  readonly y: { readonly name: string; readonly isLogarithmic?: boolean };
  readonly series: readonly Series[];
}

export interface Series {
  readonly name: string;
  readonly colour: Colour;
  readonly isDashed?: boolean;
  /** [x, y]; with categories x is the index. A null is a gap. */
  readonly points: readonly (readonly [number, number | null])[];
  /** Upright lines with a word, such as a knee. */
  readonly marks?: readonly { readonly x: number; readonly word: string }[];
}

/**
 * Colours by meaning. They differ in lightness, too, for who cannot tell hues apart; each has a variant for dark pages (palette
 * after Okabe and Ito, Color Universal Design, 2008).
 */
export const COLOURS = {
  sync: { token: '#a10001', light: '#0066b3', dark: '#5ab4f0' },
  accept: { token: '#a10002', light: '#b35900', dark: '#f0a94e' },
  outcome: { token: '#a10003', light: '#00735c', dark: '#3fcba7' },
  other: { token: '#a10004', light: '#8a3d72', dark: '#dd97c4' },
  text: { token: '#a10005', light: '#1c2530', dark: '#e4e9ef' },
  faint: { token: '#a10006', light: '#d4dae1', dark: '#39434f' },
} as const;
export type Colour = keyof typeof COLOURS;

export type Theme = 'light' | 'dark' | 'page';

const LOG_MIN = 0.1;
const LEGEND_ROW_HEIGHT = 24;
const LEGEND_MARK_WIDTH = 46;
const LETTER_WIDTH = 7;
/** Without quotes: they would end the attribute in which a name stands. */
const FONT = 'system-ui, -apple-system, sans-serif';

/** Pages name colours by their custom property, so that one drawing serves both themes. */
export function drawChart(
  chart: Chart,
  size: { readonly width: number; readonly height: number },
  theme: Theme,
): string {
  const drawing = init(null, null, { renderer: 'svg', ssr: true, ...size });
  try {
    drawing.setOption(optionsOf(chart, size.width));
    const svg = cleaned(drawing.renderToSVGString(), `${chart.id}-${size.width}-`);
    return inColours(svg.replace('>', `><title>${chart.title}</title>`), theme);
  } finally {
    drawing.dispose();
  }
}

/**
 * Without what only a page with a script would use. Ids are counted over the process: by their chart they are the same each time, and
 * unique within a page.
 */
function cleaned(svg: string, prefix: string): string {
  return svg
    .replaceAll(/<style ?>[\s\S]*?<\/style>\n?/g, '')
    .replaceAll(/ (class|ecmeta_\w+|pointer-events)="[^"]*"/g, '')
    .replaceAll(/zr\d+-/g, prefix);
}

function optionsOf(chart: Chart, width: number) {
  const { token: text } = COLOURS.text;
  const { token: faint } = COLOURS.faint;
  const isNarrow = width < 500;
  const label = { color: text, fontSize: isNarrow ? 11 : 12 };
  const line = { lineStyle: { color: faint } };
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    legend: { top: 0, left: 0, itemGap: 14, textStyle: { ...label, fontSize: isNarrow ? 12 : 13 } },
    grid: {
      left: 8,
      right: isNarrow ? 14 : 24,
      top: legendHeight(chart, width) + 32,
      bottom: 26,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    xAxis: {
      ...(chart.x.categories ? { type: 'category', data: chart.x.categories } : { type: 'value', min: 0 }),
      name: chart.x.name,
      nameLocation: 'middle',
      nameGap: 28,
      nameTextStyle: label,
      axisLabel: { ...label, hideOverlap: true },
      axisLine: line,
      axisTick: line,
      splitLine: { show: false },
    },
    yAxis: {
      type: chart.y.isLogarithmic ? 'log' : 'value',
      name: chart.y.name,
      nameTextStyle: { ...label, align: 'left' },
      axisLabel: label,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: line,
    },
    series: chart.series.map((series) => seriesOf(series, chart)),
  };
}

/** In rows as wide as the chart; the drawing has no room of its own for them. */
function legendHeight({ series }: Chart, width: number): number {
  let rows = 1;
  let right = 0;
  for (const { name } of series) {
    const needed = LEGEND_MARK_WIDTH + name.length * LETTER_WIDTH;
    if (right > 0 && right + needed > width) {
      rows++;
      right = 0;
    }
    right += needed;
  }
  return rows * LEGEND_ROW_HEIGHT;
}

function seriesOf({ name, colour, isDashed = false, points, marks = [] }: Series, chart: Chart) {
  const { token: color } = COLOURS[colour];
  // A logarithmic axis has no zero.
  const lowest = (y: number | null) => (y !== null && chart.y.isLogarithmic ? Math.max(y, LOG_MIN) : y);
  const data = points.map(([x, y]) => [x, lowest(y)]);
  return {
    name,
    data,
    color,
    itemStyle: { color },
    type: 'line',
    showSymbol: points.length < 12,
    symbol: 'circle',
    symbolSize: 6,
    lineStyle: { color, width: 2, type: isDashed ? 'dashed' : 'solid' },
    ...(marks.length > 0 && {
      markLine: {
        symbol: 'none',
        label: { formatter: '{b}', color: COLOURS.text.token, fontSize: 11, position: 'insideEndTop' },
        lineStyle: { color, type: 'dotted' },
        data: marks.map(({ x, word }) => ({ xAxis: x, name: word })),
      },
    }),
  };
}

function inColours(svg: string, theme: Theme): string {
  return Object.entries(COLOURS).reduce((drawn, [name, colour]) => {
    const to = theme === 'page' ? `var(--${name})` : colour[theme];
    return drawn.replaceAll(colour.token, to);
  }, svg);
}
