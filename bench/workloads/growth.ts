import { resetStock } from '../server-api.ts';
import { type ServerProcess, startNoop } from '../server-process.ts';
import type { Stage, Stages } from '../stage.ts';
import { measurePair, PAIRED, type Pair, PLENTY, PRODUCT_ID, WARM_UP_MS } from './paired.ts';
import {
  addCounts,
  type Effort,
  median,
  NOTHING,
  rounded,
  sumCounts,
  type WorkloadResult,
} from './result.ts';
import { seedStage } from './seeded.ts';
import { Side } from './side.ts';

/** Orders that are there already. */
const SIZES = [10_000, 1_000_000, 5_000_000];

/**
 * `sync-win` on databases of different sizes. All of them are up, and take turns: what the machine does to one it does to
 * the others as well, so that what differs between them is their size.
 */
export async function runGrowth(
  effort: Effort,
  stages: Pick<Stages, 'open'>,
  sizes: readonly number[] = SIZES,
): Promise<WorkloadResult> {
  const opened: Stage[] = [];
  const servers: ServerProcess[] = [];
  try {
    const noop = await startNoop();
    servers.push(noop);
    const theirs = await Side.open(noop, PAIRED['sync-win'].load);
    const candidates: { orders: number; stage: Stage; side: Side; pairs: Pair[] }[] = [];
    for (const orders of sizes) {
      const stage = await stages.open();
      opened.push(stage);
      await seedStage(stage, orders);
      const server = await stage.startServer(PAIRED['sync-win'].env);
      servers.push(server);
      await resetStock(server.url, PRODUCT_ID, PLENTY);
      const side = await Side.open(server, PAIRED['sync-win'].load, stage);
      candidates.push({ orders, stage, side, pairs: [] });
    }
    // Only now: filling the larger ones took a minute.
    for (const side of [theirs, ...candidates.map((candidate) => candidate.side)])
      await side.warmUp(WARM_UP_MS);
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    for (let round = 0; round < effort.rounds; round++) {
      for (const { stage, side, pairs } of candidates) {
        await stage.quiet();
        pairs.push(await measurePair(theirs, side, durationMs));
      }
    }
    theirs.close();
    const errorsByKind: Record<string, number> = {};
    const bySize = candidates.map(({ orders, side, pairs }) => {
      side.close();
      addCounts(errorsByKind, side.errors);
      const ratioToNoop = median(pairs.map(({ ratio }) => ratio))!;
      return { orders, ratioToNoop, pairs, p99Ms: side.latency.percentileMs(99), ...side.figures() };
    });
    const ratios = bySize.map((size) => size.ratioToNoop);
    const differencePct = rounded((Math.max(...ratios) / Math.min(...ratios) - 1) * 100, 1);
    const told = bySize.map((size) => `${size.ratioToNoop} with ${size.orders.toLocaleString('en-US')}`);
    return {
      ...NOTHING,
      workload: 'growth',
      errors: sumCounts(errorsByKind),
      errorsByKind,
      finding: `× noop ${told.join(', ')} orders: ${differencePct} % apart`,
      differencePct,
      bySize,
    };
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(opened.map((stage) => stage.close()));
  }
}
