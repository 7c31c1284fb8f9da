import { askBatches, type Batches, meanBatch } from '../batches.ts';
import { used } from '../cpu-meter.ts';
import type { Environment } from '../environment.ts';
import { PRODUCT_ID } from '../sale.ts';
import { ask } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { rounded } from '../workloads/result.ts';
import type { CpuUse, Sample } from './report-data.ts';

/** Looks at the servers of a running sale at regular times. It asks the server twice, which is some ms of its CPU each second. */
export interface Sampler {
  /** Takes a last look. */
  stop(): Promise<Sampled>;
}

export interface Sampled {
  /** Their times are those of `performance.now()`. */
  readonly samples: readonly Sample[];
  readonly cpu: Omit<CpuUse, 'generatorMs'>;
  readonly rssPeakMb: number | null;
  /** Purchases per batch, over the whole time. */
  readonly batchMean: number | null;
}

export const SAMPLE_EVERY_MS = 250;
const SPAN_MS_MIN = 100;

export function startSampler(servers: readonly ServerProcess[], environment: Environment): Sampler {
  const before = read(servers, environment);
  const samples: Sample[] = [];
  let last = before;
  let lastBatches: Batches | null = null;
  let firstBatches: Batches | null = null;
  let rssPeakMb: number | null = null;
  let looking: Promise<void> = Promise.resolve();
  let isLooking = false;

  async function look(): Promise<void> {
    const now = read(servers, environment);
    const spanMs = now.atMs - last.atMs;
    // CPU time is counted in hundredths of a second: a share of a short span says nothing.
    const share = (ms: number | null) =>
      ms === null || spanMs < SPAN_MS_MIN ? null : rounded(ms / spanMs, 2);
    const cpu = cpuBetween(last, now);
    const backendsMs = cpu.backendsMs && Object.values(cpu.backendsMs).reduce((sum, ms) => sum + ms, 0);
    const generatorShare = share(now.generatorMs - last.generatorMs);
    last = now;
    if (now.rssMb !== null) rssPeakMb = Math.max(rssPeakMb ?? 0, now.rssMb);
    const [rates, batches] = await Promise.all([askRates(servers[0]!), askBatches(servers)]);
    firstBatches ??= batches;
    const product = rates?.units?.find(({ productId }) => productId === PRODUCT_ID);
    samples.push({
      atMs: now.atMs,
      cpuServerShare: share(cpu.serverMs),
      cpuBackendsShare: share(backendsMs),
      cpuGeneratorShare: generatorShare,
      rssMb: now.rssMb,
      eventLoopP99Ms: rates && rounded(Math.max(0, ...rates.instances.map((one) => one.eventLoopP99Ms)), 2),
      queueDepth: rates?.backlog.purchases ?? null,
      queueOldestMs: rates?.backlog.oldestAgeMs ?? null,
      available: product?.available ?? null,
      reserved: product?.reserved ?? null,
      sold: product?.sold ?? null,
      batch: meanBatch(lastBatches, batches),
    });
    lastBatches = batches ?? lastBatches;
  }

  const timer = setInterval(() => {
    // A slow answer costs samples, and is not waited for twice.
    if (isLooking) return;
    isLooking = true;
    looking = look().finally(() => {
      isLooking = false;
    });
  }, SAMPLE_EVERY_MS);
  looking = look();

  return {
    async stop() {
      clearInterval(timer);
      await looking;
      await look();
      return {
        samples,
        cpu: cpuBetween(before, last),
        rssPeakMb,
        batchMean: meanBatch(firstBatches, lastBatches),
      };
    },
  };
}

interface Usage {
  readonly atMs: number;
  readonly serverMs: number | null;
  readonly rssMb: number | null;
  readonly backendsMs: Readonly<Record<string, number>> | null;
  readonly generatorMs: number;
}

function read(servers: readonly ServerProcess[], environment: Environment): Usage {
  const usages = servers.map((server) => server.usage());
  const sum = (of: (usage: NonNullable<(typeof usages)[number]>) => number) =>
    usages.reduce<number | null>((all, usage) => (all === null || !usage ? null : all + of(usage)), 0);
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    serverMs: sum(({ cpuMs }) => cpuMs),
    rssMb: sum(({ rssMb }) => rssMb),
    backendsMs: environment.backendsCpuMs(),
    generatorMs: (user + system) / 1000,
  };
}

function cpuBetween(before: Usage, after: Usage): Omit<CpuUse, 'generatorMs'> {
  const isKnown = before.serverMs !== null && after.serverMs !== null;
  return {
    serverMs: isKnown ? after.serverMs! - before.serverMs! : null,
    backendsMs: before.backendsMs && after.backendsMs && used(before.backendsMs, after.backendsMs),
  };
}

/** Part of GET /api/v1/ops/rates. */
export interface Rates {
  readonly instances: readonly { readonly eventLoopP99Ms: number }[];
  readonly backlog: { readonly purchases: number | null; readonly oldestAgeMs: number | null };
  readonly units: readonly { productId: number; available: number; reserved: number; sold: number }[] | null;
}

async function askRates(server: ServerProcess): Promise<Rates | null> {
  const response = await ask(server, '/api/v1/ops/rates');
  return response === null ? null : ((await response.json()) as Rates);
}
