import { CpuMeter } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { OpenLoop } from '../open-loop.ts';
import { targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { openViewers } from '../viewers.ts';
import { type ComparedWorkload, PRODUCT_ID, VIEWERS_ENV, WARM_UP_MS } from './comparison.ts';
import { exchangedBytes } from './fairness.ts';
import { addCounts, type Effort, percent, rounded, sumCounts, type WorkloadResult } from './result.ts';
import { Subject } from './subject.ts';

/** Parts of the saturation rate that are offered. */
const SHARES = [0.25, 0.5, 0.75, 0.9];
/** Buyers of the open loop have numbers from here on, so that none is one of the closed loop. */
const BUYERS_FROM = 50_000_000;

/**
 * What a buyer feels below saturation. In each round the closed loop finds the rate at which the server is saturated, and then
 * the open loop offers a part of it, one after the other: the machine's drift moves saturation and parts together.
 */
export async function runOpen(
  name: string,
  workload: ComparedWorkload,
  effort: Effort,
  environment: Environment,
): Promise<WorkloadResult> {
  const server = await environment.startServer({ ...workload.env, ...VIEWERS_ENV });
  try {
    await resetStock(server.url, PRODUCT_ID, workload.units);
    const target = targetOf(server.url);
    const bytes = await exchangedBytes(server.url, workload.load);
    const viewers = await openViewers({ target, productId: PRODUCT_ID, count: effort.viewers });
    const closed = await Subject.open(server, workload.load, environment, effort.connections);
    await closed.warmUp(WARM_UP_MS);
    const load = workload.load(target);
    const open = await OpenLoop.open(target, effort.connections, {
      ...load,
      request: (n) => load.request(BUYERS_FROM + n),
    });
    const levels = SHARES.map((share) => new Level(share, open, server, environment));
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    for (let round = 0; round < effort.rounds; round++) {
      await environment.quiet();
      const saturationPerS = await closed.measure({ durationMs });
      for (const level of levels) await level.measure(saturationPerS, durationMs);
    }
    open.close();
    closed.close();
    viewers.close();
    const result = resultOf(
      name,
      closed,
      levels.map((level) => level.figures()),
    );
    return { ...result, bytes };
  } finally {
    await server.stop();
  }
}

/** One part of the saturation rate, and the sums of its slices. */
class Level {
  readonly #share: number;
  readonly #loop: OpenLoop;
  readonly #meter: CpuMeter;
  readonly #latency = new LatencyHistogram();
  readonly #rawLatency = new LatencyHistogram();
  readonly #lateness = new LatencyHistogram();
  readonly #errors: Record<string, number> = {};
  readonly #p99sMs: (number | null)[] = [];
  #offered = 0;
  #requests = 0;
  #elapsedMs = 0;
  #durationMs = 0;
  #cpuGeneratorMs = 0;

  constructor(share: number, loop: OpenLoop, server: ServerProcess, environment: Environment) {
    this.#share = share;
    this.#loop = loop;
    this.#meter = new CpuMeter(server, environment);
  }

  async measure(saturationPerS: number, durationMs: number): Promise<void> {
    // A server that answered nothing at all has errors to show, and no rate.
    const ratePerS = Math.max(1, saturationPerS * this.#share);
    const slice = await this.#meter.during(() => this.#loop.run({ durationMs, ratePerS }));
    this.#latency.add(slice.latency);
    this.#rawLatency.add(slice.rawLatency);
    this.#lateness.add(slice.lateness);
    this.#p99sMs.push(slice.latency.percentileMs(99));
    this.#offered += slice.offered;
    this.#requests += slice.requests;
    this.#elapsedMs += slice.elapsedMs;
    this.#durationMs += durationMs;
    this.#cpuGeneratorMs += slice.cpuGeneratorMs;
    addCounts(this.#errors, slice.errors);
  }

  figures() {
    return {
      sharePct: rounded(this.#share * 100),
      offeredPerS: rounded((this.#offered / this.#durationMs) * 1000),
      achievedPerS: rounded((this.#requests / this.#elapsedMs) * 1000),
      ...percentiles(this.#latency),
      raw: percentiles(this.#rawLatency),
      p99MsByRound: this.#p99sMs,
      latenessP99Ms: this.#lateness.percentileMs(99),
      ...this.#meter.figures(this.#elapsedMs),
      cpuGeneratorPct: percent(this.#cpuGeneratorMs, this.#elapsedMs),
      errors: sumCounts(this.#errors),
      errorsByKind: this.#errors,
    };
  }
}

type LevelFigures = ReturnType<Level['figures']>;

function percentiles(latency: LatencyHistogram) {
  const at = (percentile: number) => latency.percentileMs(percentile);
  return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), p999Ms: at(99.9), maxMs: at(100) };
}

function resultOf(name: string, closed: Subject, levels: readonly LevelFigures[]): WorkloadResult {
  const stats = closed.stats();
  const most = (read: (level: LevelFigures) => number | null) =>
    Math.max(...levels.map((level) => read(level) ?? 0));
  const described = levels.map(
    ({ sharePct, p50Ms, p99Ms, raw }) => `${sharePct} %: ${p50Ms} / ${p99Ms} (raw ${raw.p99Ms})`,
  );
  return {
    workload: name,
    ratioToNoop: null,
    p50Ms: null,
    p99Ms: null,
    ...stats,
    loop: 'open',
    cpuGeneratorPct: Math.max(
      stats.cpuGeneratorPct ?? 0,
      most((level) => level.cpuGeneratorPct),
    ),
    latenessP99Ms: most((level) => level.latenessP99Ms),
    errors: sumCounts(closed.errors) + levels.reduce((sum, { errors }) => sum + errors, 0),
    errorsByKind: closed.errors,
    levels,
    finding: `p50 / p99 in ms from the intended start, at a part of ${stats.requestsPerS?.toLocaleString('en-US')}/s: ${described.join('; ')}`,
  };
}
