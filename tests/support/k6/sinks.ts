export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';

/** What the samples of one metric come to. */
export interface Sink {
  readonly isEmpty: boolean;
  add(value: number): void;
  /** The value that a threshold asks for, like `count` or `p(95)`; undefined where there is none without a sample. */
  read(stat: string, elapsedMs: number): number | undefined;
  /** As a summary shows it. */
  values(trendStats: readonly string[], elapsedMs: number): Record<string, number>;
}

export function sinkOf(type: MetricType): Sink {
  switch (type) {
    case 'counter':
      return new CounterSink();
    case 'gauge':
      return new GaugeSink();
    case 'rate':
      return new RateSink();
    case 'trend':
      return new TrendSink();
  }
}

class CounterSink implements Sink {
  isEmpty = true;
  #sum = 0;

  add(value: number): void {
    this.isEmpty = false;
    this.#sum += value;
  }

  read(stat: string, elapsedMs: number): number | undefined {
    return this.values([], elapsedMs)[stat];
  }

  values(_: readonly string[], elapsedMs: number): Record<string, number> {
    return { count: this.#sum, rate: elapsedMs === 0 ? 0 : this.#sum / (elapsedMs / 1000) };
  }
}

class GaugeSink implements Sink {
  isEmpty = true;
  #value = 0;
  #min = 0;
  #max = 0;

  add(value: number): void {
    this.#min = this.isEmpty ? value : Math.min(this.#min, value);
    this.#max = this.isEmpty ? value : Math.max(this.#max, value);
    this.#value = value;
    this.isEmpty = false;
  }

  read(stat: string): number | undefined {
    return this.values()[stat];
  }

  values(): Record<string, number> {
    return { value: this.#value, min: this.#min, max: this.#max };
  }
}

class RateSink implements Sink {
  #trues = 0;
  #total = 0;

  get isEmpty(): boolean {
    return this.#total === 0;
  }

  add(value: number): void {
    this.#total++;
    if (value !== 0) this.#trues++;
  }

  read(stat: string): number | undefined {
    return stat === 'rate' && !this.isEmpty ? this.values().rate : undefined;
  }

  values(): Record<string, number> {
    return {
      rate: this.isEmpty ? 0 : this.#trues / this.#total,
      passes: this.#trues,
      fails: this.#total - this.#trues,
    };
  }
}

/** Keeps every value, as k6 does, so that its percentiles are exact: a million take 8 MB. */
class TrendSink implements Sink {
  #values = new Float64Array(1024);
  #count = 0;
  #sum = 0;
  #isSorted = true;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = value;
    this.#sum += value;
    this.#isSorted = false;
  }

  read(stat: string): number | undefined {
    const [, percent] = /^p\((\d+(?:\.\d+)?)\)$/.exec(stat) ?? [];
    if (percent !== undefined) return this.#quantile(Number(percent) / 100);
    switch (stat) {
      case 'avg':
        return this.isEmpty ? 0 : this.#sum / this.#count;
      case 'min':
        return this.#quantile(0);
      case 'med':
        return this.#quantile(0.5);
      case 'max':
        return this.#quantile(1);
      case 'count':
        return this.#count;
      default:
        return undefined;
    }
  }

  values(trendStats: readonly string[]): Record<string, number> {
    return Object.fromEntries(trendStats.map((stat) => [stat, this.read(stat) ?? 0]));
  }

  /** Between two values it lies on the straight line between them (Hyndman and Fan's definition 7). */
  #quantile(share: number): number {
    if (this.isEmpty) return 0;
    const values = this.#values.subarray(0, this.#count);
    if (!this.#isSorted) values.sort();
    this.#isSorted = true;
    const at = share * (this.#count - 1);
    const below = values[Math.floor(at)]!;
    const above = values[Math.ceil(at)]!;
    return below + (above - below) * (at - Math.floor(at));
  }
}
