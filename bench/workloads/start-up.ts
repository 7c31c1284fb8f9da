import type { Environment } from '../environment.ts';
import { type Effort, median, NOTHING, rounded, type WorkloadResult } from './result.ts';
import { ORDERS_OF_A_LONG_SALE, seedEnvironment } from './seeded.ts';

/** From spawning `serve` to its ready line, on a database that holds many orders. */
export async function runStartUp(
  effort: Effort,
  environment: Environment,
  orders = ORDERS_OF_A_LONG_SALE,
): Promise<WorkloadResult> {
  await seedEnvironment(environment, orders);
  const startsMs: number[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    await environment.quiet();
    const server = await environment.startServer();
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
