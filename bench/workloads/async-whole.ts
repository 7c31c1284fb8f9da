import { AppError } from '../../src/domain/errors.ts';
import { CpuMeter } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { targetOf } from '../requests.ts';
import { readQueues, resetStock } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { poll } from '../wait.ts';
import { WholeLoop } from '../whole-loop.ts';
import { PLENTY, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import {
  addCounts,
  type Effort,
  NOTHING,
  percent,
  rounded,
  sumCounts,
  type WorkloadResult,
} from './result.ts';

/** Gentle, and short beside a slice. */
const DECIDED_POLL_MS = 20;
const DECIDED_TIMEOUT_MS = 60_000;

/** Whole async purchases: accepted while workers decide, and each buyer hears the outcome. */
export function runAsyncWhole(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  return runWhole('async-whole', 1, effort, environment);
}

/**
 * Async purchases of which only each hundredth buyer asks for the outcome, so that the server is not busy with such answers; a slice
 * lasts until all of its purchases are decided.
 */
export function runAsyncDecided(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  return runWhole('async-decided', 100, effort, environment);
}

/** Measures a process of the API and a worker on distributed backends, as in production, and the one server on embedded ones. */
async function runWhole(
  workload: string,
  askEvery: number,
  effort: Effort,
  environment: Environment,
): Promise<WorkloadResult> {
  const processes: ServerProcess[] = [];
  try {
    const apart = environment.distributed;
    const api = await environment.startServer({
      PULSECART_PAYMENTS: 'off',
      ...(apart && { PULSECART_WORKER: 'off' }),
    });
    processes.push(api);
    const worker = apart && (await apart.startWorker({ PULSECART_PAYMENTS: 'off' }));
    if (worker) processes.push(worker);
    await resetStock(api.url, PRODUCT_ID, PLENTY);
    const asked = { productId: PRODUCT_ID, quantity: 1 };
    const loop = await WholeLoop.open(targetOf(api.url), effort.connections, asked, askEvery);
    let accepted = 0;
    const run = async (durationMs: number) => {
      const startMs = performance.now();
      const slice = await loop.run(durationMs);
      accepted += slice.requests;
      await decidedAll(api.url, accepted);
      return { ...slice, elapsedMs: performance.now() - startMs };
    };
    await run(WARM_UP_MS);
    const meter = new CpuMeter(api, environment, worker);
    const whole = new LatencyHistogram();
    const accept = new LatencyHistogram();
    const confirm = new LatencyHistogram();
    const errorsByKind: Record<string, number> = {};
    let [purchases, elapsedMs, cpuGeneratorMs] = [0, 0, 0];
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    for (let round = 0; round < effort.rounds; round++) {
      await environment.quiet();
      const slice = await meter.during(() => run(durationMs));
      whole.add(slice.whole);
      accept.add(slice.accept);
      confirm.add(slice.confirm);
      addCounts(errorsByKind, slice.errors);
      purchases += slice.requests;
      elapsedMs += slice.elapsedMs;
      cpuGeneratorMs += slice.cpuGeneratorMs;
    }
    loop.close();
    const latencies = { accept: percentiles(accept), confirm: percentiles(confirm) };
    return {
      ...NOTHING,
      workload,
      requestsPerS: rounded((purchases / elapsedMs) * 1000),
      errors: sumCounts(errorsByKind),
      errorsByKind,
      ...meter.figures(elapsedMs),
      cpuGeneratorPct: percent(cpuGeneratorMs, elapsedMs),
      cpuGeneratorUsPerRequest: purchases === 0 ? null : rounded((cpuGeneratorMs * 1000) / purchases, 1),
      rssMb: api.usage()?.rssMb ?? null,
      purchases,
      p50Ms: whole.percentileMs(50),
      p99Ms: whole.percentileMs(99),
      ...latencies,
      finding:
        `accepted p50 ${latencies.accept.p50Ms}, p99 ${latencies.accept.p99Ms} ms; from the 202 to the outcome ` +
        `p50 ${latencies.confirm.p50Ms}, p99 ${latencies.confirm.p99Ms} ms`,
    };
  } finally {
    await Promise.all(processes.map((one) => one.stop()));
  }
}

/** Waits until that many are decided, by the ledger's own count, which is exact. Rejects with `unavailable` after a minute. */
async function decidedAll(url: string, accepted: number): Promise<void> {
  const isDone = async () => (await readQueues(url)).purchases.decided >= accepted || undefined;
  if (!(await poll(isDone, { deadlineMs: DECIDED_TIMEOUT_MS, everyMs: DECIDED_POLL_MS })))
    throw new AppError('unavailable', 'accepted purchases were not decided in time');
}

function percentiles(latency: LatencyHistogram) {
  const at = (percentile: number) => latency.percentileMs(percentile);
  return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), maxMs: at(100) };
}
