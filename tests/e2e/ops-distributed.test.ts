import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeOpsContract } from './ops.contract.ts';

/** Whichever of them is asked, it knows of all. */
const PROCESSES = 2;

onDistributedBackends(() =>
  describeOpsContract((env = {}) => openDistributedShop({ env, instances: PROCESSES }), PROCESSES),
);
