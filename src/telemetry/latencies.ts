import { Gauge, type Histogram, type Registry } from 'prom-client';

/** Response times, counted in buckets. */
export interface Latencies {
  record(tookMs: number): void;
  /** The longest of the last one to two minutes; 0 without samples. */
  maxMs(): number;
  /** Requests that took at most each bound (cumulative), in the order of `BOUNDS_MS`, and all of them last. */
  read(): { readonly cumulative: readonly number[]; readonly sumMs: number; readonly count: number };
}

/** Around the targets, which are a few to a few tens of milliseconds; the last ones are for purchases that waited in a queue. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000] as const;

export function createLatencies(): Latencies {
  const counts = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  let sumMs = 0;
  let count = 0;
  let [maxNow, maxBefore] = [0, 0];
  let minute = 0;

  function turnMinute(): void {
    const now = Math.floor(performance.now() / 60_000);
    if (now === minute) return;
    maxBefore = now === minute + 1 ? maxNow : 0;
    maxNow = 0;
    minute = now;
  }

  return {
    record(tookMs) {
      turnMinute();
      if (tookMs > maxNow) maxNow = tookMs;
      let bucket = 0;
      while (bucket < BOUNDS_MS.length && tookMs > BOUNDS_MS[bucket]!) bucket++;
      counts[bucket]!++;
      sumMs += tookMs;
      count++;
    },
    maxMs() {
      turnMinute();
      return Math.max(maxNow, maxBefore);
    },
    read() {
      let below = 0;
      return { cumulative: counts.map((n) => (below += n)), sumMs, count };
    },
  };
}

/**
 * The quantile of counts as `read` returns them; null without samples. Within a bucket times are assumed to be spread
 * evenly; beyond the last bound only that bound is known.
 */
export function percentileMs(cumulative: readonly number[], share: number): number | null {
  const count = cumulative.at(-1)!;
  if (count <= 0) return null;
  const wanted = count * share;
  const bucket = cumulative.findIndex((below) => below >= wanted);
  const [from, to] = [BOUNDS_MS[bucket - 1] ?? 0, BOUNDS_MS[bucket]];
  if (to === undefined) return BOUNDS_MS.at(-1)!;
  const before = cumulative[bucket - 1] ?? 0;
  return Math.round((from + ((to - from) * (wanted - before)) / (cumulative[bucket]! - before)) * 100) / 100;
}

/**
 * Exports latencies as one Prometheus histogram in seconds, and beside it the longest as a gauge. prom-client's own takes only one value
 * at a time, so the registry gets an object of ours instead: it uses only a metric's name and values.
 */
export function registerLatencies(
  registry: Registry,
  name: string,
  help: string,
  all: readonly (readonly [labels: Labels, latencies: Latencies])[],
): void {
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({
      ...metric,
      values: all.flatMap(([labels, one]) => series(name, labels, one)),
    }),
    reset() {},
  };
  registry.registerMetric(metric as unknown as Histogram);
  new Gauge({
    name: `${name}_max`,
    help: `${help}: the longest in the last one to two minutes`,
    labelNames: Object.keys(all[0]![0]),
    aggregator: 'max',
    registers: [registry],
    collect() {
      for (const [labels, one] of all) this.set({ ...labels }, one.maxMs() / 1000);
    },
  });
}

type Labels = Readonly<Record<string, string>>;

function series(name: string, labels: Labels, latencies: Latencies) {
  const { cumulative, sumMs, count } = latencies.read();
  const buckets = cumulative.map((value, i) => {
    const bound = BOUNDS_MS[i];
    const le = bound === undefined ? '+Inf' : bound / 1000;
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sumMs / 1000 },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
