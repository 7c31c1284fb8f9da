import type { Stage } from '../stage.ts';
import { type Effort, median, NOTHING, rounded, type WorkloadResult } from './result.ts';
import { ORDERS_OF_A_LONG_SALE, seedStage } from './seeded.ts';

/** From spawning `serve` to its ready line, on a database that holds many orders. */
export async function runStartUp(
  effort: Effort,
  stage: Stage,
  orders = ORDERS_OF_A_LONG_SALE,
): Promise<WorkloadResult> {
  await seedStage(stage, orders);
  const startsMs: number[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    await stage.quiet();
    const server = await stage.startServer();
    startsMs.push(rounded(server.startupMs));
    await server.stop();
  }
  const startUpMs = median(startsMs)!;
  return {
    ...NOTHING,
    workload: 'start-up',
    finding: `ready after ${startUpMs} ms with ${orders.toLocaleString('en-US')} orders (${startsMs.join(', ')})`,
    orders,
    startUpMs,
    startsMs,
  };
}
