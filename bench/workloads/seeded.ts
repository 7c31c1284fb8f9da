import { AppError } from '../../src/domain/errors.ts';
import type { DistributedEnvironment, Environment } from '../environment.ts';
import { seedOrders } from '../seed-orders.ts';

/** A product that has been on sale for long. */
export const ORDERS_OF_A_LONG_SALE = 1_000_000;

/** Fills a fresh environment with so many paid orders; returns what it has as a distributed one. */
export async function seedEnvironment(
  environment: Environment,
  orders: number,
): Promise<DistributedEnvironment> {
  const { distributed } = environment;
  if (!distributed) throw new AppError('invalid_request', 'This workload needs the distributed backends.');
  // The first start makes the tables and the products.
  await (await environment.startServer()).stop();
  await seedOrders(distributed.databaseUrl, orders);
  await environment.quiet();
  return distributed;
}
