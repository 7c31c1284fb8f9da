import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeConsoleRushContract } from './console-rush.contract.ts';

onDistributedBackends(() => describeConsoleRushContract(() => openDistributedShop({ instances: 2 })));
