import { openApi } from '../../src/cli/api.ts';
import { runCrowd } from '../crowd.ts';
import type { DistributedEnvironment, Environment } from '../environment.ts';
import { LatencyHistogram } from '../latency.ts';
import { holdRush } from '../rush-sale.ts';
import type { ServerProcess } from '../server-process.ts';
import { BALANCERS, type Balancer, type BalancerName, startBalancer } from '../services/balancers.ts';
import { PLENTY, PRODUCT_ID } from './comparison.ts';
import { type Effort, median, NOTHING, rounded, type WorkloadResult } from './result.ts';

/** The demo's crowd. */
const CROWD = { users: 100_000, units: 1_000, rate: 20_000, mode: 'both', seed: 1 } as const;
const STEADY_PER_S = 2_000;
const STEADY_PATIENCE_MS = 10_000;
const CALL_TIMEOUT_MS = 15_000;
const WORKERS = 2;
const TOKEN = 'the-operator-of-a-benchmark';
/** All buyers come from one address. */
const LIFTED = { BALANCER_ADDRESS_RATE: '1000000' };

type Way = BalancerName | 'direct';

/**
 * What deploy/haproxy and deploy/nginx cost in front of three processes of the API and two workers: the p99 of steady purchases
 * through each, next to that of the same processes called directly, each with a third of them; then the demo's crowd through each.
 */
export async function runBalancers(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  if (!environment.distributed) throw new Error('balancers are measured on the distributed backends');
  const opened = new AsyncDisposableStack();
  try {
    const instances = await startShop(environment, environment.distributed, opened);
    const urls = instances.map(({ url }) => url) as [string, string, string];
    const balancers = {} as Record<BalancerName, Balancer>;
    for (const name of BALANCERS) {
      balancers[name] = opened.use(await startBalancer(name, urls, { variables: LIFTED }));
    }
    await apiAt(urls[0]).send('PUT', `/api/v1/sync/stock/${PRODUCT_ID}/reset?stock=${PLENTY}`);
    const targets: Record<Way, readonly string[]> = {
      direct: urls,
      nginx: [balancers.nginx.url],
      haproxy: [balancers.haproxy.url],
    };
    const steady = await measureSteady(effort, targets);
    const crowds = {} as Record<BalancerName, Awaited<ReturnType<typeof rushThrough>>>;
    for (const name of BALANCERS) {
      await environment.quiet();
      crowds[name] = await rushThrough(balancers[name].url, instances);
    }
    const errors = steady.errors + Object.values(crowds).reduce((sum, crowd) => sum + crowd.errors, 0);
    return {
      ...NOTHING,
      workload: 'balancers',
      errors,
      steadyPerS: STEADY_PER_S,
      steady: steady.ways,
      crowds,
      finding: BALANCERS.map(
        (name) =>
          `${name}: p99 × ${steady.ways[name].p99ToDirect} of direct, crowd in ${crowds[name].elapsedMs} ms, ` +
          `${crowds[name].failedVerdicts.length} verdicts failed`,
      ).join('; '),
    };
  } finally {
    await opened.disposeAsync();
  }
}

async function startShop(
  environment: Environment,
  { startWorker }: DistributedEnvironment,
  opened: AsyncDisposableStack,
): Promise<ServerProcess[]> {
  const settings = {
    PULSECART_WORKER: 'off',
    PULSECART_PAYMENTS: 'off',
    PULSECART_OPERATOR_TOKEN: TOKEN,
    PULSECART_TRUSTED_PROXIES: '127.0.0.1',
  };
  const keep = async (starting: Promise<ServerProcess>) => {
    const started = await starting;
    opened.defer(async () => void (await started.stop()));
    return started;
  };
  const instances = [];
  for (let i = 0; i < 3; i++) instances.push(await keep(environment.startServer(settings)));
  for (let i = 0; i < WORKERS; i++) await keep(startWorker());
  return instances;
}

/** In turns, so that a noisy moment meets all of them. */
async function measureSteady(effort: Effort, targets: Readonly<Record<Way, readonly string[]>>) {
  const ways = Object.keys(targets) as Way[];
  const all = Object.fromEntries(ways.map((way) => [way, new LatencyHistogram()])) as Record<
    Way,
    LatencyHistogram
  >;
  const p99s = Object.fromEntries(ways.map((way) => [way, [] as number[]])) as Record<Way, number[]>;
  const unsold = Object.fromEntries(ways.map((way) => [way, 0])) as Record<Way, number>;
  // The first round warms up.
  for (let round = 0; round <= effort.rounds; round++) {
    for (const way of ways) {
      const latency = new LatencyHistogram();
      const crowds = await Promise.all(
        targets[way].map((url, i, { length }) => steadyCrowd(url, 3 * round + i, effort.seconds, length)),
      );
      for (const { sync, record } of crowds) {
        latency.add(sync);
        unsold[way] += record.users - record.count('sold');
      }
      if (round === 0) continue;
      all[way].add(latency);
      p99s[way].push(latency.percentileMs(99) ?? Number.NaN);
    }
  }
  const figures = (way: Way) => ({
    p50Ms: all[way].percentileMs(50),
    p99Ms: all[way].percentileMs(99),
    p99ToDirect: rounded(median(p99s[way].map((ms, i) => ms / p99s.direct[i]!)) ?? Number.NaN, 2),
    p99MsByRound: p99s[way],
    unsold: unsold[way],
  });
  return {
    errors: Object.values(unsold).reduce((sum, count) => sum + count, 0),
    ways: Object.fromEntries(ways.map((way) => [way, figures(way)])) as Record<
      Way,
      ReturnType<typeof figures>
    >,
  };
}

function steadyCrowd(url: string, seed: number, seconds: number, parts: number) {
  const ratePerS = STEADY_PER_S / parts;
  return runCrowd({
    ...{ url, productId: PRODUCT_ID, quantity: 1, mode: 'sync', seed, ratePerS },
    users: Math.round(ratePerS * seconds),
    patienceMs: STEADY_PATIENCE_MS,
  });
}

async function rushThrough(url: string, instances: readonly ServerProcess[]) {
  const before = await purchasesOf(instances);
  const { verdicts, ...result } = await holdRush(
    { ...CROWD, productId: PRODUCT_ID },
    apiAt(url),
    new AbortController().signal,
  );
  const { elapsedMs, errors, granted, sync, async } = result;
  const after = await purchasesOf(instances);
  return {
    elapsedMs,
    errors,
    granted,
    sync,
    async,
    failedVerdicts: verdicts.filter(({ pass }) => pass !== true),
    verdictsPassed: verdicts.filter(({ pass }) => pass === true).length,
    purchasesByInstance: after.map((count, i) => count - before[i]!),
  };
}

function apiAt(url: string) {
  return openApi({ url, operatorToken: TOKEN, dataFolder: null }, CALL_TIMEOUT_MS);
}

function purchasesOf(instances: readonly ServerProcess[]): Promise<number[]> {
  return Promise.all(
    instances.map(async ({ url }) => {
      const response = await fetch(`${url}/actuator/metrics/pulsecart_purchases_total`);
      const { measurements } = (await response.json()) as { measurements: { value: number }[] };
      return measurements.reduce((sum, { value }) => sum + value, 0);
    }),
  );
}
