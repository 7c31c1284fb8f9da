import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ErrorCode } from '../domain/errors.ts';
import type { Purchase, RefusalCode } from '../domain/purchase.ts';
import { type Family, INSTANCE_GAUGES, type OfSeveral, type Readable, readFamily } from './families.ts';
import { createFigure } from './figure.ts';
import { createLatencies, type Latencies, registerLatencies } from './latencies.ts';

/**
 * Counts and times of purchase requests. They are kept in plain numbers and copied to the registry when it is read, because
 * a labelled counter costs more than the rest of a refusal.
 */
export interface Metrics {
  readonly registry: Registry;
  /** All metrics of this process. Unreadable ones are left out, without delaying the others. */
  families(): Promise<Family[]>;
  /** Its counters and histograms, which no backend is asked for. */
  counted(): Promise<Family[]>;
  /** Counts a request's outcome; it had arrived at that monotonic time (ms), null: not timed. */
  answered<C extends Channel>(
    channel: C,
    outcome: (typeof OUTCOMES)[C][number] | ErrorCode,
    arrivedAtMs: number | null,
  ): void;
  /** Purchase requests so far, by outcome. */
  read(): Readonly<Record<'sync' | 'async', ChannelCounts>>;
  /** From an async purchase's acceptance to its outcome. */
  readonly confirmTimes: Latencies;
  /** Counts an answer to bad input and returns it. */
  refusedInput(response: Response): Response;
  /** Registers a figure that this process keeps. */
  watch(
    name: string,
    help: string,
    kind: 'counter' | 'gauge',
    read: () => number,
    ofSeveral?: OfSeveral,
  ): void;
  /**
   * Registers gauges read from a backend with one query per scrape: by name, the help text and the reader of the answer, for
   * one value or several with labels. While the backend fails they have no values, and `pulsecart_metric_unreadable` is 1
   * for `source`. All processes read the same.
   */
  watchSource<T>(
    source: string,
    ask: () => Promise<T>,
    gauges: Readonly<
      Record<string, readonly [help: string, read: (answer: T) => number | readonly Labelled[]]>
    >,
  ): void;
}

export type Labelled = readonly [labels: Readonly<Record<string, string>>, value: number];

type Channel = Purchase['channel'];

export interface ChannelCounts {
  readonly attempts: number;
  readonly reserved: number;
  readonly refused: number;
  readonly latencies: Latencies;
}

/** Neither an order nor a refusal: not decided, or unknown. */
const FAILURES = ['overloaded', 'unavailable', 'outcome_unknown', 'internal_error'] as const;
/** Decided for another request with this key, or about to be. */
const OF_KEYS = ['in_flight', 'idempotency_mismatch'] as const;
const REFUSALS = [
  'sold_out',
  'limit_reached',
  'unknown_product',
  'sale_not_open',
  'sale_closed',
  'sale_paused',
  'price_changed',
  'customer_required',
  'too_old',
  'discarded',
] as const satisfies readonly RefusalCode[];

/** All outcomes of a purchase request. Each is exported from the start: a counter that first appears at 1 has no rate. */
const OUTCOMES = {
  sync: ['reserved', ...REFUSALS, ...OF_KEYS, ...FAILURES],
  async: ['accepted', 'unknown_product', 'idempotency_mismatch', ...FAILURES],
} as const;
/** All answers to a malformed purchase request. */
const BAD_STATUSES = [400, 413, 415] as const;

const TOO_MANY = 429;

/** prom-client's own, always 0 on this runtime; the names end like counters', which they are not. */
const NOT_KNOWN_TO_BUN = ['resources', 'handles', 'requests'].flatMap((what) => [
  `nodejs_active_${what}`,
  `nodejs_active_${what}_total`,
]);

const UNDECIDED: readonly string[] = [...FAILURES, ...OF_KEYS];

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of NOT_KNOWN_TO_BUN) registry.removeSingleMetric(name);
  const counts = { sync: zeros<string>(OUTCOMES.sync), async: zeros<string>(OUTCOMES.async) };
  const latencies = { sync: createLatencies(), async: createLatencies() };
  const confirmTimes = createLatencies();
  const badInput = zeros<number>(BAD_STATUSES);
  const sources = new Map<string, () => Promise<unknown>>();

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
  registerLatencies(
    registry,
    'pulsecart_purchase_seconds',
    'Time from a purchase request to its answer',
    Object.entries(latencies).map(([channel, one]) => [{ channel }, one]),
  );
  registerLatencies(
    registry,
    'pulsecart_purchase_confirm_seconds',
    'Time from the acceptance of an async purchase to its outcome, decided here',
    [[{}, confirmTimes]],
  );
  new Gauge({
    name: 'pulsecart_metric_unreadable',
    help: '1 while what this source knows cannot be read, and its figures are left out',
    labelNames: ['source'],
    aggregator: 'max',
    registers: [registry],
    async collect() {
      const looks = [...sources].map(async ([source, ask]) => {
        this.set({ source }, (await isReadable(ask)) ? 0 : 1);
      });
      await Promise.all(looks);
    },
  });

  function countsOf(channel: 'sync' | 'async'): ChannelCounts {
    const outcomes = [...counts[channel]];
    const attempts = outcomes.reduce((sum, [, count]) => sum + count, 0);
    const decided = outcomes.filter(([outcome]) => !UNDECIDED.includes(outcome));
    const reserved = counts[channel].get('reserved') ?? 0;
    const refused = decided.reduce((sum, [, count]) => sum + count, 0) - reserved;
    // The outcome of an accepted async request is not known at the request.
    return {
      attempts,
      reserved,
      refused: channel === 'sync' ? refused : 0,
      latencies: latencies[channel],
    };
  }

  for (const [name, help] of Object.entries(INSTANCE_GAUGES))
    new Gauge({ name, help, registers: [registry] }).set(1);

  const all = () => registry.getMetricsAsArray() as unknown as readonly Readable[];

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
      // Limits count what they refuse themselves, and nothing is wrong with its form.
      if (response.status === TOO_MANY) return response;
      badInput.set(response.status, (badInput.get(response.status) ?? 0) + 1);
      return response;
    },
    families: () => readAll(all()),
    counted: () => readAll(all().filter(({ type }) => type === 'counter' || type === 'histogram')),
    watch(name, help, kind, read, ofSeveral = 'sum') {
      const Kind = kind === 'gauge' ? Gauge : Counter;
      new Kind({
        name,
        help,
        aggregator: ofSeveral,
        registers: [registry],
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },
    watchSource(source, ask, gauges) {
      const figure = createFigure(ask);
      sources.set(source, figure);
      for (const [name, [help, read]] of Object.entries(gauges))
        watchFigure(registry, name, help, figure, read);
    },
  };
}

function watchFigure<T>(
  registry: Registry,
  name: string,
  help: string,
  figure: () => Promise<T>,
  read: (answer: T) => number | readonly Labelled[],
): void {
  const metric = {
    name,
    help,
    type: 'gauge',
    aggregator: 'first',
    async get() {
      const value = await figure().then(read, () => []);
      const all: readonly Labelled[] = typeof value === 'number' ? [[{}, value]] : value;
      return { ...metric, values: all.map(([labels, value]) => ({ labels, value })) };
    },
    reset() {},
  };
  // As in latencies.ts: prom-client's own gauge would keep showing the last values while the backend fails.
  registry.registerMetric(metric as unknown as Gauge);
}

async function readAll(metrics: readonly Readable[]): Promise<Family[]> {
  const read = await Promise.allSettled(metrics.map(readFamily));
  return read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

async function isReadable(ask: () => Promise<unknown>): Promise<boolean> {
  return ask().then(
    () => true,
    () => false,
  );
}

function zeros<K>(keys: readonly K[]): Map<K, number> {
  return new Map(keys.map((key) => [key, 0]));
}
