/** What one workload measured. Rates are per second, CPU is percent of one core during the measured time. */
export interface WorkloadResult {
  readonly workload: string;
  readonly requestsPerS: number | null;
  /** Median over the pairs; null where there is nothing to compare with. */
  readonly ratioToNoop: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Requests that did not get the status they should have. */
  readonly errors: number;
  readonly cpuServerPct: number | null;
  readonly cpuGeneratorPct: number | null;
  readonly rssMb: number | null;
  /** By backend, where backends are processes of their own. */
  readonly cpuEnginesPct?: Readonly<Record<string, number | null>>;
  /** What was measured, for people, where it is not a rate or a latency. */
  readonly finding?: string;
  /** Whatever else explains the figures. */
  readonly [extra: string]: unknown;
}

/** The fields of a result that a workload has nothing to say in. */
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

/** How long and how often to measure. */
export interface Effort {
  /** Per workload and server. */
  readonly seconds: number;
  /** Alternating pairs. */
  readonly rounds: number;
  /** Live viewers beside the server that is compared. */
  readonly viewers: number;
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
