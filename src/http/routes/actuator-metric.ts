import type { Registry } from 'prom-client';

/** Name and value. */
export type Tags = readonly (readonly [tag: string, value: string])[];

interface Value {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly metricName?: string;
}

/** One metric as Spring's clients read it. */
export interface ShownMetric {
  readonly name: string;
  readonly description: string;
  /** One for each statistic, over all values that have the wanted tags. */
  readonly measurements: readonly { readonly statistic: string; readonly value: number }[];
  /** Those by which it can be divided further. */
  readonly availableTags: readonly { readonly tag: string; readonly values: readonly string[] }[];
}

/** Null where there is no such metric, or none of its values has all the tags. */
export async function showMetric(registry: Registry, name: string, tags: Tags): Promise<ShownMetric | null> {
  const metric = registry.getSingleMetric(name);
  // The registry finds what every object inherits, too, such as `toString`.
  if (typeof metric?.get !== 'function') return null;
  const { help, type, values: all } = await metric.get();
  const has = ({ labels }: Value) => tags.every(([tag, value]) => String(labels[tag]) === value);
  const values = (all as readonly Value[]).filter(has);
  if (tags.length > 0 && values.length === 0) return null;
  const isTimed = String(type) === 'histogram' || String(type) === 'summary';
  const shown = isTimed ? values.filter(({ metricName }) => metricName?.endsWith('_count')) : values;
  return {
    name,
    description: help,
    measurements: isTimed
      ? [
          ...added('COUNT', shown),
          ...added(
            'TOTAL_TIME',
            values.filter(({ metricName }) => metricName?.endsWith('_sum')),
          ),
          ...highest((await valuesOf(registry, `${name}_max`)).filter(has)),
        ]
      : added(String(type) === 'counter' ? 'COUNT' : 'VALUE', shown),
    availableTags: tagsOf(shown, tags),
  };
}

/** Of a histogram the longest time is a gauge beside it: Prometheus has no place for it within. */
async function valuesOf(registry: Registry, name: string): Promise<readonly Value[]> {
  return ((await registry.getSingleMetric(name)?.get())?.values ?? []) as readonly Value[];
}

function added(statistic: string, values: readonly Value[]) {
  const numbers = numbersOf(values);
  return numbers.length === 0 ? [] : [{ statistic, value: numbers.reduce((sum, value) => sum + value, 0) }];
}

function highest(values: readonly Value[]) {
  const numbers = numbersOf(values);
  return numbers.length === 0 ? [] : [{ statistic: 'MAX', value: Math.max(...numbers) }];
}

/** The mean lag of an event loop that has not turned since the last look is no number, and JSON has none for that. */
function numbersOf(values: readonly Value[]): number[] {
  return values.map(({ value }) => value).filter(Number.isFinite);
}

function tagsOf(values: readonly Value[], wanted: Tags): ShownMetric['availableTags'] {
  const tags = new Map<string, Set<string>>();
  for (const { labels } of values) {
    for (const [tag, value] of Object.entries(labels)) {
      if (wanted.some(([name]) => name === tag)) continue;
      tags.set(tag, (tags.get(tag) ?? new Set()).add(String(value)));
    }
  }
  return [...tags].map(([tag, values]) => ({ tag, values: [...values] }));
}
