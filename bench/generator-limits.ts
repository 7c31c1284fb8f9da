/**
 * When a figure is the generator's and not the server's.
 *
 * Above 90 % of its core the generator has hardly a moment in which it waits for the server instead of the other way round. A
 * lateness of 10 ms is about the p99 of the servers that are measured here: from there on the buyers of an open loop do not come
 * at their times any more.
 */
const GENERATOR_CPU_PCT_MAX = 90;
const LATENESS_P99_MS_MAX = 10;

/** The warning, or null while the generator was not the bottleneck. */
export function generatorWarning(measured: {
  readonly cpuGeneratorPct: number | null;
  readonly latenessP99Ms?: unknown;
}): string | null {
  const { cpuGeneratorPct, latenessP99Ms } = measured;
  const because: string[] = [];
  if (cpuGeneratorPct !== null && cpuGeneratorPct > GENERATOR_CPU_PCT_MAX)
    because.push(`it used ${cpuGeneratorPct} % of a core`);
  if (typeof latenessP99Ms === 'number' && latenessP99Ms > LATENESS_P99_MS_MAX)
    because.push(`a hundredth of its requests were more than ${latenessP99Ms} ms late`);
  return because.length === 0 ? null : `the generator was the bottleneck: ${because.join(', and ')}`;
}
