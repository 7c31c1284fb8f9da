import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeHttpContract } from './http.contract.ts';

/** Callers do not change: the same contract on PostgreSQL, Redis and RabbitMQ. */

onProductionEngines(() => {
  describeHttpContract({
    openShop: (env = {}) => openProductionShop({ env }),
    components: ['db', 'redis', 'rabbit', 'diskSpace'],
  });
});
