/** The measurement of one workload. Rates are per second, CPU is percent of one core during the measured time. */
export interface WorkloadResult {
  readonly workload: string;
  readonly requestsPerS: number | null;
  /** Median over the pairs; null without a comparison. */
  readonly ratioToNoop: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Requests with an unexpected status. */
  readonly errors: number;
  readonly cpuServerPct: number | null;
  readonly cpuGeneratorPct: number | null;
  readonly rssMb: number | null;
  /** By backend, where backends are processes of their own. */
  readonly cpuEnginesPct?: Readonly<Record<string, number | null>>;
  /** The measurement as text, where it is neither a rate nor a latency. */
  readonly finding?: string;
  /** Why the figures are not the server's, where that is so. */
  readonly warning?: string;
  /** Further figures that explain the result. */
  readonly [extra: string]: unknown;
}

/** Defaults of the fields that a workload does not fill. */
export const NOTHING = {
  requestsPerS: null,
  ratioToNoop: null,
  p50Ms: null,
  p99Ms: null,
  errors: 0,
  cpuServerPct: null,
  cpuGeneratorPct: null,
  rssMb: null,
};

/** Durations and repetitions of the measurement. */
export interface Effort {
  /** Per workload and server. */
  readonly seconds: number;
  /** Alternating pairs. */
  readonly rounds: number;
  /** Live viewers beside the server that is compared. */
  readonly viewers: number;
  /** Connections of the load generator, in workloads that have no number of their own. */
  readonly connections: number;
}

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function sumCounts(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export function addCounts(into: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [kind, count] of Object.entries(counts)) into[kind] = (into[kind] ?? 0) + count;
}

export function rounded(value: number, decimals = 0): number {
  const scale = 10 ** decimals;
  return Math.round(value * scale) / scale;
}

/** Part of `wholeMs` in percent; null where the part could not be read. */
export function percent(partMs: number | null, wholeMs: number): number | null {
  return partMs === null || wholeMs === 0 ? null : rounded((partMs / wholeMs) * 100);
}
