import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeAtOnce } from './at-once.contract.ts';

if (!productionEngines)
  console.log('PULSECART_TEST_ENGINES=embedded: nothing at once on the production engines');
else describeAtOnce({ openShop: (env) => openProductionShop({ env }) });
