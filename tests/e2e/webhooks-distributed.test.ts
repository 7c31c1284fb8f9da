import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeWebhooksContract } from './webhooks.contract.ts';

onDistributedBackends(() => describeWebhooksContract((env) => openDistributedShop({ env, instances: 2 })));
