import { Gauge, type Registry } from 'prom-client';

/** Times to answer, counted in buckets. */
export interface Latencies {
  record(tookMs: number): void;
  /** Requests that took at most each bound (cumulative), in the order of `BOUNDS_MS`, and all of them last. */
  read(): { readonly cumulative: readonly number[]; readonly sumMs: number; readonly count: number };
}

/** Around the targets, which are a few to a few tens of milliseconds. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500] as const;

export function createLatencies(): Latencies {
  const counts = new Array<number>(BOUNDS_MS.length + 1).fill(0);
  let sumMs = 0;
  let count = 0;
  return {
    record(tookMs) {
      let bucket = 0;
      while (bucket < BOUNDS_MS.length && tookMs > BOUNDS_MS[bucket]!) bucket++;
      counts[bucket]!++;
      sumMs += tookMs;
      count++;
    },
    read() {
      let below = 0;
      return { cumulative: counts.map((n) => (below += n)), sumMs, count };
    },
  };
}

/** Shows latencies as a Prometheus histogram in seconds. */
export function registerLatencies(registry: Registry, channels: Readonly<Record<string, Latencies>>): void {
  const name = 'pulsecart_purchase_seconds';
  const help = 'Time from a purchase request to its answer';
  // prom-client's own histogram can only be fed one value at a time, so its three series are shown one by one.
  new Gauge({
    name: `${name}_bucket`,
    help,
    labelNames: ['channel', 'le'],
    registers: [registry],
    collect() {
      for (const [channel, latencies] of Object.entries(channels)) {
        latencies.read().cumulative.forEach((count, i) => {
          const bound = BOUNDS_MS[i];
          this.set({ channel, le: bound === undefined ? '+Inf' : String(bound / 1000) }, count);
        });
      }
    },
  });
  new Gauge({
    name: `${name}_sum`,
    help,
    labelNames: ['channel'],
    registers: [registry],
    collect() {
      for (const [channel, latencies] of Object.entries(channels))
        this.set({ channel }, latencies.read().sumMs / 1000);
    },
  });
  new Gauge({
    name: `${name}_count`,
    help,
    labelNames: ['channel'],
    registers: [registry],
    collect() {
      for (const [channel, latencies] of Object.entries(channels))
        this.set({ channel }, latencies.read().count);
    },
  });
}
