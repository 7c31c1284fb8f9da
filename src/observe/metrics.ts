import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/**
 * Counts and times. Outcomes are counted in plain numbers and handed to the registry when it is read, because a labelled
 * counter costs more than the rest of a refusal.
 */
export interface Metrics {
  readonly registry: Registry;
  /** A sync purchase ended with this outcome, started at that monotonic time (ms). */
  sync(outcome: string, startedAtMs: number): void;
  /** An async purchase was taken (or not). */
  accepted(outcome: string, startedAtMs: number): void;
  failed(channel: 'sync' | 'async', code: string): void;
  /** Counts an answer to bad input and hands it back. */
  refusedInput(response: Response): Response;
  /** Registers a figure that is read when asked for. */
  watch(name: string, help: string, kind: 'counter' | 'gauge', read: () => number | Promise<number>): void;
}

/** Upper bounds in seconds; around the targets of a few to a few tens of milliseconds. */
const LATENCY_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: '' });
  const counts = new Map<string, number>();
  const count = (channel: string, outcome: string) => {
    const name = `${channel} ${outcome}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  new Counter({
    name: 'pulsecart_purchases_total',
    help: 'Purchase requests by channel and outcome',
    labelNames: ['channel', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [name, value] of counts) {
        const [channel, outcome] = name.split(' ') as [string, string];
        this.inc({ channel, outcome }, value);
      }
    },
  });
  const latency = new Histogram({
    name: 'pulsecart_purchase_seconds',
    help: 'Time from a purchase request to its answer',
    labelNames: ['channel'],
    buckets: LATENCY_BUCKETS_S,
    registers: [registry],
  });
  const syncLatency = latency.labels({ channel: 'sync' });
  const asyncLatency = latency.labels({ channel: 'async' });

  return {
    registry,
    sync(outcome, startedAtMs) {
      count('sync', outcome);
      syncLatency.observe((performance.now() - startedAtMs) / 1000);
    },
    accepted(outcome, startedAtMs) {
      count('async', outcome);
      asyncLatency.observe((performance.now() - startedAtMs) / 1000);
    },
    failed(channel, code) {
      count(channel, code);
    },
    refusedInput(response) {
      count('any', `http_${response.status}`);
      return response;
    },
    watch(name, help, kind, read) {
      if (kind === 'gauge') {
        new Gauge({
          name,
          help,
          registers: [registry],
          async collect() {
            this.set(await read());
          },
        });
      } else {
        new Counter({
          name,
          help,
          registers: [registry],
          async collect() {
            this.reset();
            this.inc(await read());
          },
        });
      }
    },
  };
}
