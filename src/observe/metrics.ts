import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createLatencies, type Latencies, registerLatencies } from './latencies.ts';

/**
 * Counts and times of purchase requests. They are kept in plain numbers and handed to the registry when it is read,
 * because a labelled counter costs more than the rest of a refusal.
 */
export interface Metrics {
  readonly registry: Registry;
  /** A request ended with this outcome; it had arrived at that monotonic time (ms), null for one that is not timed. */
  answered(channel: 'sync' | 'async', outcome: string, arrivedAtMs: number | null): void;
  /** Purchase requests so far, by what became of them. */
  read(): Readonly<Record<'sync' | 'async', ChannelCounts>>;
  /** From an async purchase's acceptance to its outcome. */
  readonly confirmTimes: Latencies;
  /** Counts an answer to bad input and hands it back. */
  refusedInput(response: Response): Response;
  /** Registers a figure that is read when asked for. */
  watch(name: string, help: string, kind: 'counter' | 'gauge', read: () => number | Promise<number>): void;
}

export interface ChannelCounts {
  readonly attempts: number;
  readonly reserved: number;
  readonly refused: number;
  readonly latencies: Latencies;
}

/** What is neither an order nor a refusal: nothing was decided, or nobody knows. */
const FAILURES: readonly string[] = ['overloaded', 'unavailable', 'outcome_unknown'];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counts = { sync: new Map<string, number>(), async: new Map<string, number>() };
  const latencies = { sync: createLatencies(), async: createLatencies() };
  const confirmTimes = createLatencies();
  const badInput = new Map<number, number>();

  new Counter({
    name: 'pulsecart_purchases_total',
    help: 'Purchase requests by channel and outcome',
    labelNames: ['channel', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const channel of ['sync', 'async'] as const) {
        for (const [outcome, count] of counts[channel]) this.inc({ channel, outcome }, count);
      }
    },
  });
  new Counter({
    name: 'pulsecart_bad_requests_total',
    help: 'Purchase requests that were refused for their form',
    labelNames: ['status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [status, count] of badInput) this.inc({ status: String(status) }, count);
    },
  });
  registerLatencies(registry, latencies);

  function countsOf(channel: 'sync' | 'async'): ChannelCounts {
    const outcomes = [...counts[channel]];
    const attempts = outcomes.reduce((sum, [, count]) => sum + count, 0);
    const decided = outcomes.filter(([outcome]) => !FAILURES.includes(outcome));
    const reserved = counts[channel].get('reserved') ?? 0;
    const refused = decided.reduce((sum, [, count]) => sum + count, 0) - reserved;
    // What becomes of async requests that were accepted is not known at the request.
    return {
      attempts,
      reserved,
      refused: channel === 'sync' ? refused : 0,
      latencies: latencies[channel],
    };
  }

  return {
    registry,
    answered(channel, outcome, arrivedAtMs) {
      const outcomes = counts[channel];
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (arrivedAtMs !== null) latencies[channel].record(performance.now() - arrivedAtMs);
    },
    read: () => ({ sync: countsOf('sync'), async: countsOf('async') }),
    confirmTimes,
    refusedInput(response) {
      badInput.set(response.status, (badInput.get(response.status) ?? 0) + 1);
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
