import type { Load } from '../closed-loop.ts';
import type { Target } from '../connection.ts';
import type { Environment } from '../environment.ts';
import { ASYNC_PURCHASE, purchaseRequest, SYNC_PURCHASE, stockRequest, targetOf } from '../requests.ts';
import { readUnpaidUnits, resetStock } from '../server-api.ts';
import { type ServerProcess, startNoop } from '../server-process.ts';
import { openViewers } from '../viewers.ts';
import { poll } from '../wait.ts';
import { differences, exchangedBytes } from './fairness.ts';
import { type Effort, median, rounded, sumCounts, type WorkloadResult } from './result.ts';
import { Subject } from './subject.ts';

/** More units than any run can sell. */
export const PLENTY = 2_000_000_000;
export const PRODUCT_ID = 1;
/** Until the code of a sale is compiled; the demo measures a server's first half second. */
export const WARM_UP_MS = 2_000;
/** All viewers of a benchmark come from one address. */
export const VIEWERS_ENV = { PULSECART_STREAMS_PER_ADDRESS: '0' };
/** Remaining charges of a slice are awaited, so that they do not slow the no-op's next slice. */
const QUIET_TIMEOUT_MS = 60_000;
const QUIET_POLL_MS = 50;

/** A workload whose every request can also be sent to the no-op server. */
export interface ComparedWorkload {
  readonly env: Readonly<Record<string, string>>;
  readonly units: number;
  readonly noopAnswer: 'win' | 'sold-out';
  readonly load: (target: Target) => Load;
}

const buy =
  (path: string, expectStatus: number) =>
  (target: Target): Load => ({
    request: purchaseRequest(target, { path, productId: PRODUCT_ID, quantity: 1, seed: 1 }),
    expectStatus,
  });

const readStock = (target: Target): Load => {
  const request = stockRequest(target, PRODUCT_ID);
  return { request: () => request, expectStatus: 200 };
};

const PAYMENTS_OFF = { PULSECART_PAYMENTS: 'off' };

export const COMPARED = {
  'sync-win': { env: PAYMENTS_OFF, units: PLENTY, noopAnswer: 'win', load: buy(SYNC_PURCHASE, 200) },
  'sync-win-settling': {
    env: { PULSECART_PAYMENTS: 'on' },
    units: PLENTY,
    noopAnswer: 'win',
    load: buy(SYNC_PURCHASE, 200),
  },
  'sync-soldout': { env: {}, units: 0, noopAnswer: 'sold-out', load: buy(SYNC_PURCHASE, 409) },
  'async-accept': {
    env: { PULSECART_WORKER: 'off' },
    units: PLENTY,
    noopAnswer: 'win',
    load: buy(ASYNC_PURCHASE, 202),
  },
  'async-soldout': { env: {}, units: 0, noopAnswer: 'win', load: buy(ASYNC_PURCHASE, 202) },
  'stock-read': { env: {}, units: PLENTY, noopAnswer: 'win', load: readStock },
} as const satisfies Record<string, ComparedWorkload>;

/** The no-op server alone: this machine's limit. */
export async function runNoop(effort: Effort): Promise<WorkloadResult> {
  const noop = await startNoop();
  try {
    const subject = await Subject.open(noop, COMPARED['sync-win'].load, null, effort.connections);
    await subject.warmUp(WARM_UP_MS);
    await subject.measure({ durationMs: effort.seconds * 1000 });
    subject.close();
    const stats = ownStats(subject);
    const perCore = stats.requestsPerGeneratorCpuS?.toLocaleString('en-US') ?? '?';
    return {
      workload: 'noop',
      ratioToNoop: 1,
      ...stats,
      finding: `the generator sends ${perCore} requests per second of its own CPU time`,
    };
  } finally {
    await noop.stop();
  }
}

/**
 * Measures the server in turns with the no-op server, both running all the time: noop, ours, noop, ours … The machine's
 * speed drifts by tens of percent within a minute, which does not affect a ratio of neighbours.
 */
export async function runComparison(
  name: string,
  workload: ComparedWorkload,
  effort: Effort,
  environment: Environment,
): Promise<WorkloadResult> {
  const servers: ServerProcess[] = [];
  try {
    const noop = await startNoop(workload.noopAnswer);
    servers.push(noop);
    const real = await environment.startServer({ ...workload.env, ...VIEWERS_ENV });
    servers.push(real);
    await resetStock(real.url, PRODUCT_ID, workload.units);
    const unlike = await differences(noop.url, real.url, workload.load);
    const bytes = await exchangedBytes(real.url, workload.load);
    const viewers = await openViewers({
      target: targetOf(real.url),
      productId: PRODUCT_ID,
      count: effort.viewers,
    });
    const theirs = await Subject.open(noop, workload.load, null, effort.connections);
    const ours = await Subject.open(real, workload.load, environment, effort.connections);
    await theirs.warmUp(WARM_UP_MS);
    await ours.warmUp(WARM_UP_MS);
    const settles = 'PULSECART_PAYMENTS' in workload.env && workload.env.PULSECART_PAYMENTS === 'on';
    const pairs: Pair[] = [];
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    for (let round = 0; round < effort.rounds; round++) {
      if (settles) await allCharged(real.url);
      await environment.quiet();
      pairs.push(await measurePair(theirs, ours, durationMs));
    }
    theirs.close();
    ours.close();
    const eventsToViewers = viewers.events();
    viewers.close();
    const ratios = pairs.map((pair) => pair.ratio);
    const noopStats = theirs.stats();
    return {
      workload: name,
      ratioToNoop: median(ratios),
      ...ownStats(ours),
      ratioMin: Math.min(...ratios),
      ratioMax: Math.max(...ratios),
      pairs,
      noopRequestsPerS: noopStats.requestsPerS,
      noopP99Ms: theirs.latency.percentileMs(99),
      noopCpuServerUsPerRequest: noopStats.cpuServerUsPerRequest,
      noopErrors: theirs.errors,
      differencesToNoop: unlike,
      bytes,
      ...(effort.viewers > 0 && { viewers: effort.viewers, eventsToViewers }),
    };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
}

/** Requests per second of the two, measured right after each other. */
export interface Pair {
  readonly noop: number;
  readonly ours: number;
  readonly ratio: number;
}

export async function measurePair(theirs: Subject, ours: Subject, durationMs: number): Promise<Pair> {
  const noopPerS = await theirs.measure({ durationMs });
  const oursPerS = await ours.measure({ durationMs });
  return { noop: rounded(noopPerS), ours: rounded(oursPerS), ratio: rounded(oursPerS / noopPerS, 3) };
}

export function ownStats(subject: Subject) {
  return {
    ...subject.stats(),
    p50Ms: subject.latency.percentileMs(50),
    p99Ms: subject.latency.percentileMs(99),
    errors: sumCounts(subject.errors),
    errorsByKind: subject.errors,
  };
}

async function allCharged(url: string): Promise<void> {
  const done = await poll(async () => ((await readUnpaidUnits(url)) === 0 ? true : undefined), {
    deadlineMs: QUIET_TIMEOUT_MS,
    everyMs: QUIET_POLL_MS,
  });
  if (done === undefined) throw new Error(`orders were still not charged after ${QUIET_TIMEOUT_MS / 1000} s`);
}
