import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeOrders } from './orders.contract.ts';

onDistributedBackends(() => describeOrders((env = {}) => openDistributedShop({ env })));
