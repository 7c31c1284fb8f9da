import { cpuEnginesPct, cpuPerRequest, used } from '../cpu-meter.ts';
import type { BackendsCpuMs, Environment } from '../environment.ts';
import { ASYNC_PURCHASE, purchaseRequest, SYNC_PURCHASE } from '../requests.ts';
import { readQueues, readUnpaidUnits, resetStock } from '../server-api.ts';
import { poll } from '../wait.ts';
import { PLENTY } from './comparison.ts';
import { type Effort, percent, rounded, sumCounts, type WorkloadResult } from './result.ts';
import { Subject } from './subject.ts';

/** The queue is filled with the work of the requested time at the target rate, with a lower limit. */
const ACCEPTED_PER_S = 25_000;
const ORDERS_PER_S = 8_000;
const SECONDS_MIN = 2;
const FILL_TIMEOUT_MS = 120_000;
const DRAIN_TIMEOUT_MS = 120_000;
/** Gentle: a poll costs the server well under one percent of its time. */
const POLL_MS = 50;

/** From accepted purchases to outcomes: queued while the worker is off, then decided while the API is idle. */
export function runAsyncDrain(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  return drain(environment, {
    workload: 'async-drain',
    path: ASYNC_PURCHASE,
    expectStatus: 202,
    count: Math.max(SECONDS_MIN, effort.seconds) * ACCEPTED_PER_S,
    fillEnv: { PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off' },
    drainEnv: { PULSECART_PAYMENTS: 'off' },
    // Not the waiting messages, which at a broker are an estimate: the ledger has the count of decisions.
    left: async (url, queued) => queued - (await readQueues(url)).purchases.decided,
  });
}

/** From reserved orders to paid ones: bought while payments are off, then charged while the API is idle. */
export function runPayments(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  return drain(environment, {
    workload: 'payments',
    path: SYNC_PURCHASE,
    expectStatus: 200,
    count: Math.max(SECONDS_MIN, effort.seconds) * ORDERS_PER_S,
    fillEnv: { PULSECART_PAYMENTS: 'off' },
    drainEnv: {},
    left: readUnpaidUnits,
  });
}

interface Drain {
  readonly workload: string;
  readonly path: string;
  readonly expectStatus: number;
  /** How many items are queued. */
  readonly count: number;
  readonly fillEnv: Record<string, string>;
  readonly drainEnv: Record<string, string>;
  /** How many of the `queued` items are still to be processed. */
  readonly left: (url: string, queued: number) => Promise<number>;
}

async function drain(environment: Environment, plan: Drain): Promise<WorkloadResult> {
  const filled = await fill(environment, plan);
  await environment.quiet();
  const spawnedMs = performance.now();
  const server = await environment.startServer(plan.drainEnv);
  try {
    const samples: Sample[] = [];
    const done = await poll(
      async () => {
        // A purchase whose answer was cut may be queued, too.
        const left = Math.max(0, await plan.left(server.url, filled.queued));
        const cpuMs = server.usage()?.cpuMs ?? null;
        samples.push({ atMs: performance.now(), left, cpuMs, backendsCpuMs: environment.backendsCpuMs() });
        return left === 0 ? true : undefined;
      },
      { deadlineMs: DRAIN_TIMEOUT_MS, everyMs: POLL_MS },
    );
    const first = samples.find(({ left }) => left < filled.queued) ?? samples.at(-1)!;
    const last = samples.at(-1)!;
    const steadyMs = last.atMs - first.atMs;
    const withStartMs = last.atMs - spawnedMs;
    const withStart = ((filled.queued - last.left) / withStartMs) * 1000;
    // When all was processed before the first poll, only the figure with the start included exists.
    const steady = steadyMs > 0 ? ((first.left - last.left) / steadyMs) * 1000 : withStart;
    const cpuMs = first.cpuMs === null || last.cpuMs === null ? null : last.cpuMs - first.cpuMs;
    const backendsMs = used(first.backendsCpuMs, last.backendsCpuMs);
    return {
      workload: plan.workload,
      requestsPerS: rounded(steady),
      ratioToNoop: null,
      p50Ms: null,
      p99Ms: null,
      errors: sumCounts(filled.errors) + last.left,
      cpuServerPct: percent(cpuMs, steadyMs),
      cpuGeneratorPct: null,
      ...cpuEnginesPct(backendsMs, steadyMs),
      ...cpuPerRequest({ serverMs: cpuMs, backendsMs, requests: first.left - last.left }),
      rssMb: server.usage()?.rssMb ?? null,
      perSWithStartUp: rounded(withStart),
      queued: filled.queued,
      left: last.left,
      timedOut: done === undefined,
      errorsByKind: filled.errors,
      filledPerS: filled.perS,
    };
  } finally {
    await server.stop();
  }
}

/** Progress of a drain at one moment. */
interface Sample {
  readonly atMs: number;
  readonly left: number;
  readonly cpuMs: number | null;
  readonly backendsCpuMs: BackendsCpuMs | null;
}

async function fill(environment: Environment, plan: Drain) {
  const server = await environment.startServer(plan.fillEnv);
  try {
    await resetStock(server.url, 1, PLENTY);
    const subject = await Subject.open(server, (target) => ({
      request: purchaseRequest(target, { path: plan.path, productId: 1, quantity: 1, seed: 1 }),
      expectStatus: plan.expectStatus,
    }));
    const perS = await subject.measure({ durationMs: FILL_TIMEOUT_MS, requests: plan.count });
    subject.close();
    return { queued: subject.stats().requests, perS: rounded(perS), errors: subject.errors };
  } finally {
    await server.stop();
  }
}
