import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeOpsContract } from './ops.contract.ts';

if (!productionEngines)
  console.log('PULSECART_TEST_ENGINES=embedded: no operators on the production engines');
else describeOpsContract((env = {}) => openProductionShop({ env }));
