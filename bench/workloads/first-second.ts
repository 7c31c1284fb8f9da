import { CpuMeter } from '../cpu-meter.ts';
import type { Environment, Environments } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { OpenLoop, type OpenSlice } from '../open-loop.ts';
import { targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import { type ServerProcess, startNoop } from '../server-process.ts';
import { COMPARED, PLENTY, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import {
  addCounts,
  type Effort,
  median,
  NOTHING,
  rounded,
  sumCounts,
  type WorkloadResult,
} from './result.ts';
import { CONNECTIONS } from './subject.ts';

/** A sale that many would call large, and one close to what two cores can serve. */
const RATES_PER_S = [5_000, 20_000];
const FIRST_MS = 1_000;
const { load } = COMPARED['sync-win-settling'];

/**
 * What the first buyers of a fresh server feel, with and without its warm-up: an open loop of purchases from the moment at which it is
 * ready, in turns. Every turn has a server and books of its own. Latencies run from intended times.
 */
export async function runFirstSecond(
  effort: Effort,
  environments: Pick<Environments, 'open'>,
  ratesPerS: readonly number[] = RATES_PER_S,
): Promise<WorkloadResult> {
  const rates = [];
  for (const ratePerS of ratesPerS) {
    await warmGenerator(ratePerS);
    const cold = new Side('off', ratePerS, effort, environments);
    const warm = new Side('on', ratePerS, effort, environments);
    for (let round = 0; round < effort.rounds; round++) for (const side of [cold, warm]) await side.turn();
    rates.push({ ratePerS, cold: cold.figures(), warm: warm.figures() });
  }
  const sides = rates.flatMap(({ cold, warm }) => [cold, warm]);
  const described = rates.map(
    ({ ratePerS, cold, warm }) =>
      `${ratePerS.toLocaleString('en-US')}/s: ${cold.first.p50Ms} / ${cold.first.p99Ms}, warm ${warm.first.p50Ms} / ${warm.first.p99Ms}, later ${warm.later.p50Ms} / ${warm.later.p99Ms}`,
  );
  return {
    ...NOTHING,
    workload: 'first-second',
    errors: sides.reduce((sum, { errors }) => sum + sumCounts(errors), 0),
    latenessP99Ms: Math.max(...sides.map(({ latenessP99Ms }) => latenessP99Ms ?? 0)),
    rates,
    finding: `p50 / p99 of the first second in ms at ${described.join('; ')}`,
  };
}

/** The generator's own code is compiled before the first turn. */
async function warmGenerator(ratePerS: number): Promise<void> {
  const noop = await startNoop();
  try {
    const target = targetOf(noop.url);
    const loop = await OpenLoop.open(target, CONNECTIONS, load(target));
    await loop.run({ durationMs: WARM_UP_MS, ratePerS });
    loop.close();
  } finally {
    await noop.stop();
  }
}

/** The servers that start with the warm-up, or those without it. */
class Side {
  readonly #first = new LatencyHistogram();
  readonly #later = new LatencyHistogram();
  readonly #lateness = new LatencyHistogram();
  readonly #firstP99sMs: number[] = [];
  readonly #laterP99sMs: number[] = [];
  readonly #firstCpuUs: number[] = [];
  readonly #laterCpuUs: number[] = [];
  readonly #readyMs: number[] = [];
  readonly #errors: Record<string, number> = {};
  readonly #warmUp: 'on' | 'off';
  readonly #ratePerS: number;
  readonly #laterMs: number;
  readonly #environments: Pick<Environments, 'open'>;

  constructor(
    warmUp: 'on' | 'off',
    ratePerS: number,
    effort: Effort,
    environments: Pick<Environments, 'open'>,
  ) {
    this.#warmUp = warmUp;
    this.#ratePerS = ratePerS;
    this.#laterMs = (effort.seconds * 1000) / effort.rounds;
    this.#environments = environments;
  }

  async turn(): Promise<void> {
    const environment = await this.#environments.open();
    try {
      const server = await environment.startServer({ PULSECART_WARM_UP: this.#warmUp });
      try {
        await resetStock(server.url, PRODUCT_ID, PLENTY);
        await environment.quiet();
        const target = targetOf(server.url);
        const loop = await OpenLoop.open(target, CONNECTIONS, load(target));
        const run = (durationMs: number) => loop.run({ durationMs, ratePerS: this.#ratePerS });
        const first = await this.#metered(server, environment, this.#firstCpuUs, () => run(FIRST_MS));
        // Between the two the server compiles what the first second asked of it.
        const between = await run(FIRST_MS);
        const later = await this.#metered(server, environment, this.#laterCpuUs, () => run(this.#laterMs));
        loop.close();
        this.#readyMs.push(rounded(server.startupMs));
        this.#add(first, this.#first, this.#firstP99sMs);
        this.#add(later, this.#later, this.#laterP99sMs);
        addCounts(this.#errors, between.errors);
      } finally {
        await server.stop();
      }
    } finally {
      await environment.close();
    }
  }

  figures() {
    return {
      readyMs: median(this.#readyMs),
      first: figuresOf(this.#first, this.#firstP99sMs),
      later: figuresOf(this.#later, this.#laterP99sMs),
      /** Of server and backends, for each purchase: tells more than latencies while the machine has other things to do. */
      cpuUsMedian: { first: median(this.#firstCpuUs), later: median(this.#laterCpuUs) },
      /** Each turn's first second over its later ones. */
      p99RatioMedian: median(this.#firstP99sMs.map((ms, i) => rounded(ms / this.#laterP99sMs[i]!, 2))),
      latenessP99Ms: this.#lateness.percentileMs(99),
      errors: this.#errors,
    };
  }

  async #metered(
    server: ServerProcess,
    environment: Environment,
    usPerPurchase: number[],
    slice: () => Promise<OpenSlice>,
  ): Promise<OpenSlice> {
    const meter = new CpuMeter(server, environment);
    const result = await meter.during(slice);
    const { cpuTotalUsPerRequest } = meter.figures(result.elapsedMs);
    if (cpuTotalUsPerRequest !== null) usPerPurchase.push(cpuTotalUsPerRequest);
    return result;
  }

  #add({ latency, lateness, errors }: OpenSlice, sum: LatencyHistogram, p99sMs: number[]): void {
    sum.add(latency);
    this.#lateness.add(lateness);
    p99sMs.push(latency.percentileMs(99) ?? Number.POSITIVE_INFINITY);
    addCounts(this.#errors, errors);
  }
}

function figuresOf(latency: LatencyHistogram, p99sMs: readonly number[]) {
  return { p50Ms: latency.percentileMs(50), p99Ms: latency.percentileMs(99), p99MsByTurn: p99sMs };
}
