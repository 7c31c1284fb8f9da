import { build, type Histogram } from 'hdr-histogram-js';

/** Latencies above a minute are counted as a minute: no buyer waits longer. */
const LATENCY_US_MAX = 60_000_000;

/** Latencies of one kind of call, kept to three significant digits in constant memory whatever their number. */
export class LatencyHistogram {
  readonly #histogram: Histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
    numberOfSignificantValueDigits: 3,
  });

  recordMs(latencyMs: number): void {
    const us = Math.round(latencyMs * 1000);
    this.#histogram.recordValue(us < 1 ? 1 : us > LATENCY_US_MAX ? LATENCY_US_MAX : us);
  }

  add(other: LatencyHistogram): void {
    this.#histogram.add(other.#histogram);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** The latency that `percentile` (0–100) of the calls did not exceed, in ms to two decimals; null without calls. */
  percentileMs(percentile: number): number | null {
    if (this.count === 0) return null;
    return Math.round(this.#histogram.getValueAtPercentile(percentile) / 10) / 100;
  }
}
