import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeHttpContract } from './http.contract.ts';

/** Callers do not change: the same contract on PostgreSQL, Redis and RabbitMQ. */

if (!productionEngines) console.log('PULSECART_TEST_ENGINES=embedded: no contract on the production engines');
else {
  describeHttpContract({
    openShop: (env = {}) => openProductionShop({ env }),
    components: ['db', 'redis', 'rabbit', 'diskSpace'],
  });
}
