import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeHttpContract } from './http.contract.ts';

/** Callers do not change: the same contract on PostgreSQL, Redis and RabbitMQ. */

onDistributedBackends(() => {
  describeHttpContract({
    openShop: (env = {}) => openDistributedShop({ env }),
    components: ['db', 'redis', 'rabbit', 'diskSpace'],
  });
});
