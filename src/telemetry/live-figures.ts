import type { Figures, ProductUnits, Sums, Totals } from '../domain/figures.ts';
import { RATES, type Rate, TIMES, type Time, type WindowStats } from '../domain/process-stats.ts';
import { available, type Product } from '../domain/product.ts';
import { within } from '../lib/within.ts';
import type { Backends } from '../ports/backends.ts';
import type { AsyncCounts } from '../ports/decisions.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { RefundsDue } from '../ports/payments.ts';
import type { Queue, QueueName, QueueStatus } from '../ports/queue.ts';
import { purchasesIn } from './backlog.ts';
import { createFigure, FIGURE_MS_MAX } from './figure.ts';
import type { AgedStats, LiveStats } from './live-stats.ts';
import type { Pings } from './watch-backends.ts';

/**
 * The one source of what operators see of this moment, for answers and for the history. Each figure fails alone, and is null
 * then: they matter most while a backend is away. Concurrent readers share one question to a backend.
 */
export interface LiveFigures {
  now(): Promise<Figures>;
  queues(): Promise<QueueStatus[] | null>;
  asyncCounts(): Promise<AsyncCounts | null>;
  refundsDue(): Promise<RefundsDue | null>;
  /** Of this process's own gate: another process may have met trouble that this one has not. */
  gate(): GateState;
  backends(): Promise<BackendState[]>;
}

export const GATE_STATES = ['in use', 'bypassed', 'in process'] as const;
export type GateState = (typeof GATE_STATES)[number];

export interface BackendState {
  /** As `/actuator/health` names it. */
  readonly name: string;
  readonly engine: string;
  /** Null while it has neither answered nor refused. */
  readonly up: boolean | null;
}

export interface LiveFiguresDependencies {
  readonly ledger: Pick<Ledger, 'asyncCounts' | 'refundsDue' | 'productsAfter'>;
  readonly queue: Pick<Queue, 'status'>;
  readonly liveStats: Pick<LiveStats, 'now'>;
  readonly pings: Pings;
  /** What is behind each ping. */
  readonly engines: Readonly<Record<string, string>>;
  readonly gateFigures: Backends['gateFigures'];
}

/** Products whose units are shown with the rates. */
const UNITS_MAX = 100;

export function createLiveFigures(dependencies: LiveFiguresDependencies): LiveFigures {
  const { ledger, queue, liveStats, pings, engines, gateFigures } = dependencies;
  const queues = orNull(createFigure(() => queue.status()));
  const asyncCounts = orNull(createFigure(() => ledger.asyncCounts()));
  const refundsDue = orNull(createFigure(() => ledger.refundsDue()));
  const products = orNull(createFigure(() => ledger.productsAfter(0, UNITS_MAX)));

  /** A ping's answer counts for a second and its refusal says that the backend is down; a slow one leaves it open. */
  async function stateOf(name: string): Promise<BackendState> {
    const answer = pings[name]!().then(
      () => true,
      () => false,
    );
    const up = await within(answer, FIGURE_MS_MAX).catch(() => null);
    return { name, engine: engines[name]!, up };
  }

  return {
    queues,
    asyncCounts,
    refundsDue,
    gate() {
      if (!gateFigures) return 'in process';
      return gateFigures.isOpen ? 'bypassed' : 'in use';
    },
    backends: () => Promise.all(Object.keys(pings).map(stateOf)),
    async now() {
      const [status, counts, found] = await Promise.all([queues(), asyncCounts(), products()]);
      const oldestAgeMs = (name: QueueName) => status?.find((one) => one.name === name)?.oldestAgeMs ?? null;
      const instances = liveStats.now();
      return {
        total: totalOf(instances),
        instances: instances.map(({ stats: { consumers: _, ...stats }, ageMs }) => ({ ...stats, ageMs })),
        backlog: {
          purchases: status && counts && purchasesIn(status, counts).waiting,
          oldestAgeMs: oldestAgeMs('purchases'),
          paymentsOldestAgeMs: oldestAgeMs('payments'),
        },
        units: found?.map(unitsOf) ?? null,
      };
    },
  };
}

function orNull<T>(figure: () => Promise<T>): () => Promise<T | null> {
  return () => figure().catch(() => null);
}

function unitsOf(product: Product): ProductUnits {
  const { id: productId, total, reserved, sold } = product;
  return { productId, total, available: available(product), reserved, sold };
}

function totalOf(instances: readonly AgedStats[]): Totals {
  const all = instances.map(({ stats }) => stats);
  return {
    instances: all.length,
    ...sumsOf(all),
    // A process of an older version tells ten seconds alone.
    recent: sumsOf(all.map((stats) => stats.recent ?? stats)),
    ageMs: Math.max(0, ...instances.map(({ ageMs }) => ageMs)),
  };
}

function sumsOf(all: readonly WindowStats[]): Sums {
  const slowest = (name: Time) => {
    const times = all.flatMap(({ times }) => times[name] ?? []);
    return times.length > 0 ? Math.max(...times) : null;
  };
  const sum = (name: Rate) => all.reduce((total, { perSecond }) => total + perSecond[name], 0);
  return {
    perSecond: named(RATES, (name) => Math.round(sum(name) * 1000) / 1000),
    times: named(TIMES, slowest),
  };
}

function named<Name extends string, T>(names: readonly Name[], of: (name: Name) => T): Record<Name, T> {
  return Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, T>;
}
