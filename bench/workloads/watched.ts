import type { Environment } from '../environment.ts';
import { OpenLoop } from '../open-loop.ts';
import { purchaseRequest, SYNC_PURCHASE, targetOf } from '../requests.ts';
import { resetStock } from '../server-api.ts';
import { openViewers } from '../viewers.ts';
import { PLENTY, PRODUCT_ID, VIEWERS_ENV, WARM_UP_MS } from './comparison.ts';
import { type Effort, NOTHING, rounded, type WorkloadResult } from './result.ts';

/** Pages that are open while a crowd buys. */
const PAGES = 200;
/** About a tenth of what saturates a core. */
const PURCHASES_PER_S = 3_000;
const CONNECTIONS = 256;

/**
 * What open pages cost buyers: purchases at a steady rate, in turns with and without 200 live streams of the same product, in pairs on one
 * server.
 */
export async function runWatched(effort: Effort, environment: Environment): Promise<WorkloadResult> {
  const server = await environment.startServer({ PULSECART_PAYMENTS: 'off', ...VIEWERS_ENV });
  try {
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    const target = targetOf(server.url);
    const request = purchaseRequest(target, {
      path: SYNC_PURCHASE,
      productId: PRODUCT_ID,
      quantity: 1,
      seed: 7,
    });
    const loop = await OpenLoop.open(target, CONNECTIONS, { request, expectStatus: 200 });
    const run = (durationMs: number) => loop.run({ durationMs, ratePerS: PURCHASES_PER_S });
    await run(WARM_UP_MS);
    const pairs: { alone: number; watched: number; p50Ms: number }[] = [];
    let errors = 0;
    for (let round = 0; round < effort.rounds; round++) {
      const alone = await run(effort.seconds * 1000);
      const viewers = await openViewers({ target, productId: PRODUCT_ID, count: PAGES });
      const watched = await run(effort.seconds * 1000);
      viewers.close();
      const failed = [alone, watched].flatMap((slice) => Object.values(slice.errors));
      errors += failed.reduce((sum, count) => sum + count, 0);
      pairs.push({
        alone: alone.latency.percentileMs(99)!,
        watched: watched.latency.percentileMs(99)!,
        p50Ms: watched.latency.percentileMs(50)!,
      });
    }
    loop.close();
    const ratios = pairs.map(({ alone, watched }) => rounded(watched / alone, 2)).toSorted((a, b) => a - b);
    const middle = <T>(sorted: readonly T[]) => sorted[Math.floor(sorted.length / 2)]!;
    const p99Ms = middle(pairs.map(({ watched }) => watched).toSorted((a, b) => a - b));
    const p99AloneMs = middle(pairs.map(({ alone }) => alone).toSorted((a, b) => a - b));
    return {
      ...NOTHING,
      workload: 'watched',
      requestsPerS: PURCHASES_PER_S,
      p50Ms: middle(pairs.map(({ p50Ms }) => p50Ms).toSorted((a, b) => a - b)),
      p99Ms,
      errors,
      pages: PAGES,
      p99AloneMs,
      ratios,
      finding: `p99 ${p99Ms} ms beside ${PAGES} open pages, ${p99AloneMs} ms without; ratio of each pair ${ratios.join(', ')}`,
    };
  } finally {
    await server.stop();
  }
}
