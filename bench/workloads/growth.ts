import type { Environment, Environments } from '../environment.ts';
import { resetStock } from '../server-api.ts';
import { type ServerProcess, startNoop } from '../server-process.ts';
import { COMPARED, measurePair, type Pair, PLENTY, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import {
  addCounts,
  type Effort,
  median,
  NOTHING,
  rounded,
  sumCounts,
  type WorkloadResult,
} from './result.ts';
import { seedEnvironment } from './seeded.ts';
import { Subject } from './subject.ts';

/** Existing orders. */
const SIZES = [10_000, 1_000_000, 5_000_000];

/**
 * `sync-win` on databases of different sizes. All of them are running, and take turns: the machine's drift affects all
 * alike, so that only their size differs.
 */
export async function runGrowth(
  effort: Effort,
  environments: Pick<Environments, 'open'>,
  sizes: readonly number[] = SIZES,
): Promise<WorkloadResult> {
  const opened: Environment[] = [];
  const servers: ServerProcess[] = [];
  try {
    const noop = await startNoop();
    servers.push(noop);
    const theirs = await Subject.open(noop, COMPARED['sync-win'].load);
    const candidates: { orders: number; environment: Environment; subject: Subject; pairs: Pair[] }[] = [];
    for (const orders of sizes) {
      const environment = await environments.open();
      opened.push(environment);
      await seedEnvironment(environment, orders);
      const server = await environment.startServer(COMPARED['sync-win'].env);
      servers.push(server);
      await resetStock(server.url, PRODUCT_ID, PLENTY);
      const subject = await Subject.open(server, COMPARED['sync-win'].load, environment);
      candidates.push({ orders, environment, subject, pairs: [] });
    }
    // Only now: filling the larger ones took a minute.
    for (const subject of [theirs, ...candidates.map((candidate) => candidate.subject)])
      await subject.warmUp(WARM_UP_MS);
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    for (let round = 0; round < effort.rounds; round++) {
      for (const { environment, subject, pairs } of candidates) {
        await environment.quiet();
        pairs.push(await measurePair(theirs, subject, durationMs));
      }
    }
    theirs.close();
    const errorsByKind: Record<string, number> = {};
    const bySize = candidates.map(({ orders, subject, pairs }) => {
      subject.close();
      addCounts(errorsByKind, subject.errors);
      const ratioToNoop = median(pairs.map(({ ratio }) => ratio))!;
      return { orders, ratioToNoop, pairs, p99Ms: subject.latency.percentileMs(99), ...subject.stats() };
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
    await Promise.all(opened.map((environment) => environment.close()));
  }
}
