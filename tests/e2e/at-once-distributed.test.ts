import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeAtOnce } from './at-once.contract.ts';

onDistributedBackends(() => describeAtOnce({ openShop: (env) => openDistributedShop({ env }) }));
