import type { Metric, Metrics } from './metrics.ts';
import type { MetricType } from './sinks.ts';

export interface Threshold {
  readonly metric: Metric;
  readonly expression: string;
  /** Whether it holds after a run of this length. */
  holds(elapsedMs: number): boolean;
}

/** What each type of metric can be asked for. */
const STATS: Readonly<Record<MetricType, RegExp>> = {
  counter: /^(count|rate)$/,
  gauge: /^value$/,
  rate: /^rate$/,
  trend: /^(avg|min|max|med|p\(\d+(\.\d+)?\))$/,
};

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
  '==': (value, bound) => value === bound,
  '===': (value, bound) => value === bound,
  '!=': (value, bound) => value !== bound,
};

/** The thresholds of a script's options; throws on one that k6 would not start with. */
export function readThresholds(
  given: Readonly<Record<string, readonly unknown[]>>,
  metrics: Metrics,
): Threshold[] {
  return Object.entries(given).flatMap(([selector, expressions]) => {
    const metric = metrics.select(selector);
    return expressions.map((expression) => readThreshold(metric, expression));
  });
}

function readThreshold(metric: Metric, expression: unknown): Threshold {
  if (typeof expression !== 'string') throw new Error('the stand-in for k6 takes thresholds as strings only');
  const [, stat = '', operator = '', bound = ''] =
    /^\s*([^<>=!\s]+)\s*([<>=!]+)\s*(\d+(?:\.\d+)?)\s*$/.exec(expression) ?? [];
  const compare = COMPARISONS[operator];
  if (!STATS[metric.type].test(stat) || !compare)
    throw new Error(`failed parsing threshold expression "${expression}" on ${metric.name}`);
  return {
    metric,
    expression,
    holds(elapsedMs) {
      const value = metric.sink.read(stat, elapsedMs);
      // A rate without a sample is none; k6 lets its thresholds pass.
      return value === undefined || compare(value, Number(bound));
    },
  };
}
