import type { MetricType } from 'prom-client';

/** A metric with its values, as plain data: it can be sent to another process, added to the same of others, and written in any format. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly ofSeveral: OfSeveral;
  readonly samples: readonly Sample[];
}

/**
 * How the values of several processes become one. `first`: all of them read it from the same place, so any one's will do; those of
 * the others are not added.
 */
export type OfSeveral = 'sum' | 'max' | 'min' | 'first';

export interface Sample {
  /** The family's, or one of a histogram's: `…_bucket`, `…_sum`, `…_count`. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One list from those of several processes, in the order in which families and samples first appear. */
export function mergeFamilies(lists: readonly (readonly Family[])[]): Family[] {
  const merged = new Map<
    string,
    Family & { readonly samples: Sample[]; readonly places: Map<string, number> }
  >();
  for (const family of lists.flat()) {
    const into: Merged = merged.get(family.name) ?? { ...family, samples: [], places: new Map() };
    merged.set(family.name, into);
    for (const sample of family.samples) {
      const key = keyOf(sample);
      const place = into.places.get(key);
      if (place === undefined) into.places.set(key, into.samples.push(sample) - 1);
      else {
        const value = JOINED[into.ofSeveral](into.samples[place]!.value, sample.value);
        into.samples[place] = { ...sample, value };
      }
    }
  }
  return [...merged.values()].map(({ places: _, ...family }) => family);
}

interface Merged extends Family {
  readonly samples: Sample[];
  /** Where in `samples` each is. */
  readonly places: Map<string, number>;
}

const JOINED: Readonly<Record<OfSeveral, (one: number, other: number) => number>> = {
  sum: (one, other) => one + other,
  max: largest,
  min: (one, other) => -largest(-one, -other),
  first: (one) => one,
};

/** A process that has no number yet (NaN) does not hide the other's. */
function largest(one: number, other: number): number {
  if (Number.isNaN(one)) return other;
  return other > one ? other : one;
}

function keyOf({ name, labels }: Sample): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** What only ever rises: counters and histograms. */
export function counted(families: readonly Family[]): Family[] {
  return families.filter(({ type }) => type === 'counter' || type === 'histogram');
}

/** How many processes are in the figures; a process by itself is all of one. */
export const INSTANCE_GAUGES = {
  pulsecart_instances: 'Processes that are to share the port',
  pulsecart_instances_answered: 'Those whose figures this scrape has',
} as const;

/** The same families, with these numbers of processes. */
export function withInstances(
  families: readonly Family[],
  numbers: Readonly<Record<keyof typeof INSTANCE_GAUGES, number>>,
): Family[] {
  const gauges = Object.entries(numbers).map(([name, value]): Family => {
    const help = INSTANCE_GAUGES[name as keyof typeof INSTANCE_GAUGES];
    return { name, help, type: 'gauge', ofSeveral: 'sum', samples: [{ name, labels: {}, value }] };
  });
  return [...families.filter(({ name }) => !(name in INSTANCE_GAUGES)), ...gauges];
}

/** A metric of prom-client, or an object of ours that does as one. */
export interface Readable {
  readonly name: string;
  readonly type?: MetricType | `${MetricType}`;
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: MetricType | `${MetricType}`;
    readonly aggregator?: string;
    readonly values: readonly {
      readonly metricName?: string;
      readonly labels: Readonly<Partial<Record<string, string | number>>>;
      readonly value: number;
    }[];
  }>;
}

export async function readFamily(metric: Readable): Promise<Family> {
  const { name, help, type, aggregator, values } = await metric.get();
  return {
    name,
    help,
    type: type as Family['type'],
    ofSeveral: ofSeveral(name, aggregator),
    samples: values.map(({ metricName = name, labels, value }) => {
      const written = Object.entries(labels).map(([label, text]) => [label, String(text)]);
      return { name: metricName, labels: Object.fromEntries(written), value };
    }),
  };
}

/** prom-client has means of percentiles, which hide the process that is in trouble, and leaves out when a process began. */
function ofSeveral(name: string, aggregator = 'sum'): OfSeveral {
  if (name === 'process_start_time_seconds') return 'min';
  if (aggregator === 'average') return 'max';
  return aggregator in JOINED ? (aggregator as OfSeveral) : 'sum';
}
