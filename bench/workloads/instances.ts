import { askBatches, meanBatch } from '../batches.ts';
import type { Load } from '../closed-loop.ts';
import type { Target } from '../connection.ts';
import type { Environment, Environments } from '../environment.ts';
import { type Spread, spreadOf } from '../report/spread.ts';
import { purchaseRequest, SYNC_PURCHASE } from '../requests.ts';
import { createProduct } from '../server-api.ts';
import type { ServerProcess } from '../server-process.ts';
import { aligned, count, ranged } from '../text.ts';
import { COMPARED, PLENTY, WARM_UP_MS } from './comparison.ts';
import { addCounts, type Effort, NOTHING, sumCounts, type WorkloadResult } from './result.ts';
import { Subject } from './subject.ts';

/** The crowd of the published figures, and one that keeps several processes busy. */
const CONNECTIONS = [256, 1_024];
/** One hot product, whose purchases all want the same row, and a crowd that is spread evenly over ten. */
const PRODUCTS = [1, 10];
const PRODUCTS_MAX = Math.max(...PRODUCTS);
/** Load before each turn, on its new connections. */
const TURN_WARM_UP_MS = 500;

/**
 * `sync-win` with more and more processes of `serve --instances N` behind one port: whether they sell more, and what a purchase then
 * costs. All are running on the same backends, each group on a database of its own, and take turns.
 */
export async function runInstances(
  effort: Effort,
  environments: Pick<Environments, 'open'>,
  counts: readonly number[],
  connections: readonly number[] = CONNECTIONS,
): Promise<WorkloadResult> {
  const opened = new AsyncDisposableStack();
  try {
    const levels: Level[] = [];
    for (const instances of counts) {
      const shop = await openShop(instances, environments, opened);
      for (const products of PRODUCTS)
        for (const size of connections) levels.push(new Level(shop, size, products));
    }
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    for (let round = 0; round < effort.rounds; round++)
      for (const level of levels) await level.measure(durationMs);
    const figures = levels.map((level) => level.figures());
    return {
      ...NOTHING,
      workload: 'instances',
      cpuGeneratorPct: Math.max(...figures.map((level) => level.cpuGeneratorPct?.max ?? 0)),
      errors: figures.reduce((sum, { errors }) => sum + errors, 0),
      levels: figures,
      finding: `sync-win, median (least–most) of the rounds\n${textOf(figures)}`,
    };
  } finally {
    await opened.disposeAsync();
  }
}

interface Shop {
  readonly instances: number;
  readonly server: ServerProcess;
  readonly environment: Environment;
  /** Its crowd, evenly spread over so many products. */
  readonly crowd: (products: number) => (target: Target) => Load;
}

async function openShop(
  instances: number,
  environments: Pick<Environments, 'open'>,
  opened: AsyncDisposableStack,
): Promise<Shop> {
  const environment = opened.adopt(await environments.open(), (one) => one.close());
  const starting = environment.startServer(COMPARED['sync-win'].env, { instances });
  const server = opened.adopt(await starting, async (one) => void (await one.stop()));
  const productIds: number[] = [];
  while (productIds.length < PRODUCTS_MAX) productIds.push(await createProduct(server, PLENTY));
  let buyers = 0;
  const crowd = (products: number) => (target: Target) => {
    const requests = productIds
      .slice(0, products)
      .map((productId) => purchaseRequest(target, { path: SYNC_PURCHASE, productId, quantity: 1, seed: 1 }));
    // Buyers of an earlier turn do not come again.
    return { request: (n: number) => requests[n % products]!(buyers++), expectStatus: 200 };
  };
  const all = await Subject.open(server, crowd(PRODUCTS_MAX), environment);
  // Every process compiles its own code.
  await all.warmUp(WARM_UP_MS * instances);
  all.close();
  return { instances, server, environment, crowd };
}

/** One number of processes, connections and products, and its turns. */
class Level {
  readonly #shop: Shop;
  readonly #connections: number;
  readonly #products: number;
  readonly #errors: Record<string, number> = {};
  readonly #turns: Record<Figure, number | null>[] = [];

  constructor(shop: Shop, connections: number, products: number) {
    this.#shop = shop;
    this.#connections = connections;
    this.#products = products;
  }

  /** A turn on connections of its own: how the system spreads them over the processes is part of the spread. */
  async measure(durationMs: number): Promise<void> {
    const { server, environment, crowd } = this.#shop;
    await environment.quiet();
    const subject = await Subject.open(server, crowd(this.#products), environment, this.#connections);
    await subject.warmUp(TURN_WARM_UP_MS);
    const before = await askBatches([server]);
    await subject.measure({ durationMs });
    const after = await askBatches([server]);
    subject.close();
    addCounts(this.#errors, subject.errors);
    const { requestsPerS, cpuTotalUsPerRequest, cpuGeneratorPct } = subject.stats();
    this.#turns.push({
      requestsPerS,
      p50Ms: subject.latency.percentileMs(50),
      p99Ms: subject.latency.percentileMs(99),
      cpuTotalUsPerRequest,
      purchasesPerBatch: meanBatch(before, after),
      cpuGeneratorPct,
    });
  }

  figures() {
    const spread = (figure: Figure) => spreadOf(this.#turns.map((turn) => turn[figure]));
    return {
      instances: this.#shop.instances,
      products: this.#products,
      connections: this.#connections,
      requestsPerS: spread('requestsPerS'),
      p50Ms: spread('p50Ms'),
      p99Ms: spread('p99Ms'),
      cpuTotalUsPerRequest: spread('cpuTotalUsPerRequest'),
      purchasesPerBatch: spread('purchasesPerBatch'),
      cpuGeneratorPct: spread('cpuGeneratorPct'),
      errors: sumCounts(this.#errors),
      errorsByKind: this.#errors,
    };
  }
}

type Figure =
  | 'requestsPerS'
  | 'p50Ms'
  | 'p99Ms'
  | 'cpuTotalUsPerRequest'
  | 'purchasesPerBatch'
  | 'cpuGeneratorPct';

const HEAD = ['processes', 'products', 'connections', 'per s', 'p50', 'p99', 'CPU', 'per batch', 'load'];

function textOf(levels: readonly ReturnType<Level['figures']>[]): string {
  const rows = levels.map((level) => [
    ...[level.instances, level.products, level.connections].map(count),
    spreadText(level.requestsPerS, 0),
    spreadText(level.p50Ms, 1),
    spreadText(level.p99Ms, 1),
    spreadText(level.cpuTotalUsPerRequest, 1),
    spreadText(level.purchasesPerBatch, 0),
    spreadText(level.cpuGeneratorPct, 0),
  ]);
  return aligned([HEAD, ...rows]).join('\n');
}

function spreadText(spread: Spread | null, decimals: number): string {
  return ranged(spread?.median, spread?.min, spread?.max, decimals);
}
