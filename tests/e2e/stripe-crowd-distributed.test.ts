import { onDistributedBackends } from '../support/backends.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { describeStripeCrowd } from './stripe-crowd.contract.ts';

onDistributedBackends(() =>
  describeStripeCrowd(
    (env) => openDistributedShop({ env, instances: 2 }),
    (shop) => ({ args: [], env: { ...(shop as DistributedShop).env } }),
  ),
);
