import { AppError } from '../../src/domain/errors.ts';
import type { DistributedEnvironment, Environment } from '../environment.ts';
import { seedOrders } from '../seed-orders.ts';

/** A product that has been on sale for long. */
export const ORDERS_OF_A_LONG_SALE = 1_000_000;

/** Fills a fresh environment with this many paid orders; returns its distributed part. */
export async function seedEnvironment(
  environment: Environment,
  orders: number,
): Promise<DistributedEnvironment> {
  const { distributed } = environment;
  if (!distributed) throw new AppError('invalid_request', 'This workload needs the distributed backends.');
  // The first start creates the tables and the products.
  await (await environment.startServer()).stop();
  await seedOrders(distributed.databaseUrl, orders);
  await environment.quiet();
  return distributed;
}
