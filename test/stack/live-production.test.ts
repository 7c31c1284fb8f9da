import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeLiveContract } from './live.contract.ts';

if (!productionEngines)
  console.log('PULSECART_TEST_ENGINES=embedded: no live streams on the production engines');
else {
  describeLiveContract((env = {}) => openProductionShop({ env }));
}
