import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeProducts } from './products.contract.ts';

onDistributedBackends(() => describeProducts((env = {}) => openDistributedShop({ env })));
