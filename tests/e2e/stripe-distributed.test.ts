import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeStripe } from './stripe.contract.ts';

onDistributedBackends(() => describeStripe((env) => openDistributedShop({ env, instances: 2 })));
