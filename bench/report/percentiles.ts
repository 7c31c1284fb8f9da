import type { LatencyMoment, Percentiles } from './report-data.ts';

/** Exact percentiles of durations, by the nearest rank; NaN counts as never. */
export function percentilesOf(durationsMs: Float64Array): Percentiles {
  const sorted = durationsMs.filter((ms) => !Number.isNaN(ms)).sort();
  const at = (share: number) => rank(sorted, share);
  return {
    count: sorted.length,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  };
}

/** Element by element, from the one to the other. */
export function between(fromMs: Float64Array, toMs: Float64Array): Float64Array {
  return toMs.map((to, i) => to - fromMs[i]!);
}

/** Latencies by intended start, in slices of `sliceMs`. */
export function latencyOverTime(
  intendedMs: Float64Array,
  answerMs: Float64Array,
  outcomeMs: Float64Array,
  sliceMs: number,
): LatencyMoment[] {
  const moments: LatencyMoment[] = [];
  for (let from = 0; from < intendedMs.length; ) {
    const slice = Math.floor(intendedMs[from]! / sliceMs);
    let to = from;
    while (to < intendedMs.length && Math.floor(intendedMs[to]! / sliceMs) === slice) to++;
    const answers = percentilesOf(answerMs.slice(from, to));
    moments.push({
      atMs: slice * sliceMs,
      count: to - from,
      answerP50: answers.p50,
      answerP99: answers.p99,
      outcomeP99: percentilesOf(outcomeMs.slice(from, to)).p99,
    });
    from = to;
  }
  return moments;
}

function rank(sorted: Float64Array, share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return value === undefined ? null : Math.round(value * 100) / 100;
}
