import { AppError } from '../../src/domain/errors.ts';
import { seedOrders } from '../seed-orders.ts';
import type { ProductionStage, Stage } from '../stage.ts';

/** A product that has been on sale for long. */
export const ORDERS_OF_A_LONG_SALE = 1_000_000;

/** Fills a fresh stage with so many paid orders; answers its production side. */
export async function seedStage(stage: Stage, orders: number): Promise<ProductionStage> {
  const { production } = stage;
  if (!production) throw new AppError('invalid_request', 'This workload needs the production engines.');
  // The first start makes the tables and the products.
  await (await stage.startServer()).stop();
  await seedOrders(production.databaseUrl, orders);
  await stage.quiet();
  return production;
}
