import type { Load } from '../closed-loop.ts';
import type { Target } from '../connection.ts';
import type { Environment } from '../environment.ts';
import { resetStock } from '../server-api.ts';
import { COMPARED, PLENTY, PRODUCT_ID, WARM_UP_MS } from './comparison.ts';
import { type Effort, NOTHING, sumCounts, type WorkloadResult } from './result.ts';
import { Subject } from './subject.ts';

const CONNECTIONS = [1, 4, 16, 64, 256, 1024];
/** Each level's buyers have numbers of their own. */
const BUYERS_PER_LEVEL = 10_000_000;

/**
 * `sync-win` over more and more connections: where it stops gaining, what waiting costs from there on, and what a purchase costs
 * in CPU time, which falls with the size of the batches.
 */
export async function runSaturation(
  effort: Effort,
  environment: Environment,
  connections: readonly number[] = CONNECTIONS,
): Promise<WorkloadResult> {
  const server = await environment.startServer(COMPARED['sync-win'].env);
  try {
    await resetStock(server.url, PRODUCT_ID, PLENTY);
    const subjects = [];
    for (const [level, count] of connections.entries()) {
      subjects.push(await Subject.open(server, ownBuyers(level), environment, count));
    }
    await subjects.at(-1)!.warmUp(WARM_UP_MS);
    const durationMs = (effort.seconds * 1000) / effort.rounds;
    // In turns, so that a noisy moment meets all of them.
    for (let round = 0; round < effort.rounds; round++) {
      await environment.quiet();
      for (const subject of subjects) await subject.measure({ durationMs });
    }
    const levels = subjects.map((subject, level) => {
      subject.close();
      return {
        connections: connections[level]!,
        ...subject.stats(),
        p50Ms: subject.latency.percentileMs(50),
        p99Ms: subject.latency.percentileMs(99),
        errors: sumCounts(subject.errors),
        errorsByKind: subject.errors,
      };
    });
    const best = levels.reduce((most, level) =>
      (level.requestsPerS ?? 0) > (most.requestsPerS ?? 0) ? level : most,
    );
    const { connections: _, errorsByKind: __, ...figures } = best;
    const described = levels.map(
      (level) =>
        `${level.connections}: ${level.requestsPerS?.toLocaleString('en-US')}/s, p99 ${level.p99Ms} ms, ` +
        `${level.cpuTotalUsPerRequest ?? '?'} µs`,
    );
    return {
      ...NOTHING,
      ...figures,
      workload: 'saturation',
      errors: levels.reduce((sum, { errors }) => sum + errors, 0),
      levels,
      finding: `by connections, with the CPU time of server and backends per purchase: ${described.join('; ')}`,
    };
  } finally {
    await server.stop();
  }
}

function ownBuyers(level: number): (target: Target) => Load {
  return (target) => {
    const load = COMPARED['sync-win'].load(target);
    return { ...load, request: (n) => load.request(level * BUYERS_PER_LEVEL + n) };
  };
}
