import { rounded } from '../workloads/result.ts';
import { assumed } from './assumptions.ts';
import type { Constants } from './constants.ts';
import { type Limit, limitsOf } from './limits.ts';
import { type Ask, asyncShare, type Load, loadAt } from './load.ts';
import { type Moment, saleTimeline } from './timeline.ts';

/** What the sale takes at its busiest moment. Cores are whole ones, each in use as far as assumed. */
export interface Plan {
  readonly peak: {
    readonly arrivalsPerS: number;
    readonly purchasesPerS: number;
    readonly readsPerS: number;
    readonly eventsPerS: number;
  };
  /** When the last unit is sold; null when not all are. */
  readonly soldOutAfterS: number | null;
  /** Buyers who wait for a decision, at most. */
  readonly waitingMax: number;
  readonly apiProcesses: number;
  readonly workers: number;
  readonly postgresCores: number;
  readonly redisCores: number;
  readonly redisNodes: number;
  readonly rabbitmqNodes: number;
  readonly rabbitmqCoresPerNode: number;
  readonly balancerCores: number;
  readonly connections: {
    readonly toBalancers: number;
    readonly toEachProcess: number;
    readonly toPostgres: number;
    readonly toRedis: number;
    readonly toRabbitmq: number;
  };
  /** Open files, the balancers' together and those of each process. */
  readonly files: { readonly balancers: number; readonly eachProcess: number };
  readonly memoryMbPerProcess: number;
  readonly bandwidthMbps: { readonly in: number; readonly out: number; readonly liveOut: number };
  /** Cores by who uses them, the most first, and their part of all. */
  readonly drivers: readonly { readonly who: string; readonly cores: number; readonly pct: number }[];
  readonly limits: readonly Limit[];
  /** Of the delivered stack: what the sale needs most of in excess; null where nothing is exceeded. */
  readonly firstBottleneck: Limit | null;
  /** Of what cannot be multiplied: what comes closest to its end. */
  readonly lastLimit: Limit;
}

/** Nothing alone survives the loss of a machine. */
const AT_LEAST = 2;
/** A quorum. */
const RABBITMQ_NODES = 3;
const CONNECTIONS_PER_PROCESS = 2;

/** From a sale to what it needs. Pure: the same sale and constants give the same plan. */
export function planCapacity(ask: Ask, constants: Constants): Plan {
  const seconds = ask.minutes * 60;
  const { moments, momentS, soldOutAfterS, waitingMax } = saleTimeline({
    ...ask,
    seconds,
    arrivals: ask.profile.arrivals,
    soldPerSMax: constants.soldPerSPerProduct,
  });
  const loads = moments.map((moment) => loadAt(moment, ask, constants));
  const most = (read: (load: Load) => number) => loads.reduce((max, load) => Math.max(max, read(load)), 0);
  const busy = assumed('busyPct') / 100;
  const cores = (us: number) => us / 1e6 / busy;
  const coresOf = {
    api: cores(most(({ api }) => api.process)),
    worker: cores(most(({ worker }) => worker.process)),
    postgres: cores(most(({ api, worker }) => api.postgres + worker.postgres)),
    redis: cores(most(({ api, worker }) => api.redis + worker.redis)),
    rabbitmq: cores(most(({ api, worker }) => api.rabbitmq + worker.rabbitmq)),
    balancer: most(({ requestsPerS }) => requestsPerS) / assumed('balancerPerCore') / busy,
  };
  const waitingSync = waitingMax * (1 - asyncShare(ask.mode));
  const apiProcesses = Math.max(
    AT_LEAST,
    Math.ceil(coresOf.api),
    Math.ceil(ask.viewers / assumed('streamsPerProcess')),
    Math.ceil(waitingSync / assumed('insideMax')),
  );
  const workers = Math.max(AT_LEAST, Math.ceil(coresOf.worker));
  const redisPrimaries = Math.max(1, Math.ceil(coresOf.redis));
  const processes = apiProcesses + workers;
  const toBalancers = Math.round(connectedMax(moments, momentS) + ask.viewers);
  const requestsPerS = most((load) => load.requestsPerS);
  const toEachProcess = Math.ceil((ask.viewers + requestsPerS * assumed('answerS')) / apiProcesses);
  const bandwidth = {
    in: most(({ bytesIn }) => bytesIn) * 8e-6,
    out: most(({ bytesOut }) => bytesOut) * 8e-6,
    liveOut: most(({ liveBytes }) => liveBytes) * 8e-6,
  };
  // A file for each client, and one for each connection to a process behind.
  const balancerFiles = toBalancers + apiProcesses * toEachProcess;
  const limits = limitsOf({
    ask,
    constants,
    moments,
    coresOf,
    apiProcesses,
    workers,
    balancerFiles,
    bandwidth,
  });
  const exceeded = limits.filter(({ pct }) => pct > 100).toSorted((a, b) => b.pct - a.pct);
  return {
    peak: {
      arrivalsPerS: Math.round(most(({ arrivalsPerS }) => arrivalsPerS)),
      purchasesPerS: Math.round(most(({ purchasesPerS }) => purchasesPerS)),
      readsPerS: Math.round(most(({ readsPerS }) => readsPerS)),
      eventsPerS: Math.round(most(({ eventsPerS }) => eventsPerS)),
    },
    soldOutAfterS: soldOutAfterS && rounded(soldOutAfterS, 1),
    waitingMax: Math.round(waitingMax),
    apiProcesses,
    workers,
    postgresCores: Math.max(AT_LEAST, Math.ceil(coresOf.postgres)),
    redisCores: rounded(coresOf.redis, 2),
    // Each primary has a replica.
    redisNodes: 2 * redisPrimaries,
    rabbitmqNodes: RABBITMQ_NODES,
    rabbitmqCoresPerNode: Math.max(1, Math.ceil(coresOf.rabbitmq)),
    balancerCores: Math.max(AT_LEAST, Math.ceil(coresOf.balancer)),
    connections: {
      toBalancers,
      toEachProcess,
      toPostgres: processes * assumed('poolPerProcess'),
      toRedis: processes * CONNECTIONS_PER_PROCESS,
      toRabbitmq: processes * CONNECTIONS_PER_PROCESS,
    },
    files: {
      balancers: balancerFiles,
      eachProcess: toEachProcess + assumed('poolPerProcess') + 2 * CONNECTIONS_PER_PROCESS,
    },
    memoryMbPerProcess: Math.round(
      constants.memory.processMb +
        (constants.memory.viewerKb * (ask.viewers / apiProcesses) +
          constants.memory.connectionKb * toEachProcess) /
          1024,
    ),
    bandwidthMbps: {
      in: Math.round(bandwidth.in),
      out: Math.round(bandwidth.out),
      liveOut: Math.round(bandwidth.liveOut),
    },
    drivers: driversOf(coresOf),
    limits,
    firstBottleneck: exceeded[0] ?? null,
    lastLimit: limits.filter(({ canGrow }) => !canGrow).toSorted((a, b) => b.pct - a.pct)[0]!,
  };
}

/** Buyers with an open connection: all who came within the time for which one is kept. */
function connectedMax(moments: readonly Moment[], momentS: number): number {
  const kept = Math.max(1, Math.round(assumed('keepAliveS') / momentS));
  let [connected, max] = [0, 0];
  for (const [i, moment] of moments.entries()) {
    connected += moment.arrivalsPerS * momentS;
    if (i >= kept) connected -= moments[i - kept]!.arrivalsPerS * momentS;
    max = Math.max(max, connected);
  }
  return max;
}

function driversOf(coresOf: Readonly<Record<string, number>>) {
  const named = [
    ['API', coresOf.api!],
    ['workers', coresOf.worker!],
    ['PostgreSQL', coresOf.postgres!],
    ['Redis', coresOf.redis!],
    // Each node of the quorum writes every message.
    ['RabbitMQ', coresOf.rabbitmq! * RABBITMQ_NODES],
    ['balancers', coresOf.balancer!],
  ] as const;
  const all = named.reduce((total, [, cores]) => total + cores, 0);
  return named
    .toSorted(([, a], [, b]) => b - a)
    .map(([who, cores]) => ({ who, cores: rounded(cores, 1), pct: rounded((cores / all) * 100) }));
}
