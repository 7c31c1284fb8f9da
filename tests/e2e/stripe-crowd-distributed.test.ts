import { onDistributedBackends } from '../support/backends.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { seedOf } from '../support/seed.ts';
import { describeStripeCrowd } from './stripe-crowd.contract.ts';

onDistributedBackends(() =>
  describeStripeCrowd(
    (env) => openDistributedShop({ env, instances: 2 }),
    seedOf(import.meta.path),
    (shop) => ({ args: [], env: { ...(shop as DistributedShop).env } }),
  ),
);
