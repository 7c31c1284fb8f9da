import type { Environments } from '../environment.ts';
import { openProfile } from '../profiles.ts';
import { ASYNC_PURCHASE, purchaseRequest, SYNC_PURCHASE } from '../requests.ts';
import { PRODUCT_ID, startServers } from '../sale.ts';
import { resetStock } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { PLENTY } from '../workloads/comparison.ts';
import { CONNECTIONS, Subject } from '../workloads/subject.ts';
import { type Run, type SalePlan, type Saturation, WAYS, type Way } from './report-data.ts';
import { holdRun } from './run.ts';

export interface ReportPlan {
  readonly sale: SalePlan;
  readonly sweepSeconds: number;
  readonly atOnceConnections: number;
  readonly seed: number;
}

/** Offered loads, in parts of what a closed loop of sync purchases reached. Above 1 the server cannot keep up. */
const LEVELS = [0.25, 0.5, 0.75, 0.9, 1.1, 1.3] as const;
const SATURATION_WARM_UP_MS = 500;
const SATURATION_MS = 2_000;
/** Buyers before each load. */
const SWEEP_WARM_UP = 10_000;
/** So many come per second, where all come at once: 10,000 within 10 ms. */
const AT_ONCE_PER_S = 1_000_000;
/** Rates are rounded, for people. */
const RATE_STEP = 100;

/** Filled run by run, so that an interruption keeps what there is. */
export interface Measured {
  readonly saleRuns: Run[];
  readonly saturation: Saturation[];
  readonly sweepRuns: Run[];
  readonly atOnceRuns: Run[];
}

export interface Steps {
  /** Before each step; there are `of` in all. */
  begins(step: number, of: number, what: string): void;
  /** After each run. */
  ended(): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Measures both ways in turns, each run on a fresh server: the sale, then ever larger loads, then all at once. A signal ends it after
 * the run that it meets, which is left out.
 */
export async function measure(
  plan: ReportPlan,
  environments: Environments,
  { begins, ended, signal }: Steps,
  { saleRuns, saturation, sweepRuns, atOnceRuns }: Measured,
): Promise<void> {
  const { sale, seed } = plan;
  const hasSweep = plan.sweepSeconds > 0;
  const hasAtOnce = plan.atOnceConnections > 0;
  const of = WAYS.length * (sale.repeats + (hasSweep ? 1 + LEVELS.length : 0) + (hasAtOnce ? 1 : 0));
  let step = 0;
  const next = (what: string) => {
    step++;
    if (!signal.aborted) begins(step, of, what);
  };

  async function run(into: Run[], way: Way, repeat: number, crowd: Parameters<typeof holdRun>[1]) {
    if (signal.aborted) return;
    const result = await holdRun({ way, repeat, seed: seed + repeat }, crowd, environments, signal);
    // An interrupted crowd was another one than the others.
    if (signal.aborted) return;
    into.push(result);
    await ended();
  }

  for (let repeat = 0; repeat < sale.repeats; repeat++) {
    for (const way of alternating(repeat)) {
      next(`the sale, ${way}, ${repeat + 1} of ${sale.repeats}`);
      await run(saleRuns, way, repeat, {
        profile: openProfile(sale.profile),
        users: sale.users,
        units: sale.units,
        rate: sale.users / sale.seconds,
      });
    }
  }
  if (hasSweep) await sweep();
  if (hasAtOnce) await allAtOnce();

  async function sweep(): Promise<void> {
    for (const way of WAYS) {
      next(`the most that ${way} can do`);
      if (!signal.aborted) saturation.push(await saturate(way, environments));
    }
    const base = saturation.find(({ way }) => way === 'sync')?.perS ?? 0;
    for (const [at, level] of LEVELS.entries()) {
      const rate = Math.max(RATE_STEP, Math.round((base * level) / RATE_STEP) * RATE_STEP);
      for (const way of alternating(at)) {
        next(`${rate.toLocaleString('en-US')} a second, ${way}`);
        const users = rate * plan.sweepSeconds;
        await run(sweepRuns, way, at, { users, units: users, rate, warmUp: SWEEP_WARM_UP, payments: false });
      }
    }
  }

  async function allAtOnce(): Promise<void> {
    const users = plan.atOnceConnections;
    for (const way of WAYS) {
      next(`${users.toLocaleString('en-US')} at once, ${way}`);
      const crowd = { users, units: users, rate: AT_ONCE_PER_S, connections: users, payments: false };
      await run(atOnceRuns, way, 0, crowd);
    }
  }
}

/** Whoever goes first has a fresher machine, so they take turns. */
function alternating(turn: number): readonly Way[] {
  return turn % 2 === 0 ? WAYS : WAYS.toReversed();
}

async function saturate(way: Way, environments: Environments): Promise<Saturation> {
  const environment = await environments.open();
  const servers: ServerProcess[] = [];
  try {
    const server = await startServers(environment, servers, false);
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    const path = way === 'sync' ? SYNC_PURCHASE : ASYNC_PURCHASE;
    const subject = await Subject.open(server, (target) => ({
      request: purchaseRequest(target, { path, productId: PRODUCT_ID, quantity: 1, seed: 1 }),
      expectStatus: way === 'sync' ? 200 : 202,
    }));
    await subject.warmUp(SATURATION_WARM_UP_MS);
    const perS = await subject.measure({ durationMs: SATURATION_MS });
    subject.close();
    return { way, connections: CONNECTIONS, perS: Math.round(perS) };
  } finally {
    await Promise.all(servers.map((one) => one.kill()));
    await environment.close();
  }
}
