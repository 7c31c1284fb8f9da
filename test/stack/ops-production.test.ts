import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeOpsContract } from './ops.contract.ts';

/** Whichever of them is asked, it knows of all. */
const PROCESSES = 2;

if (!productionEngines)
  console.log('PULSECART_TEST_ENGINES=embedded: no operators on the production engines');
else describeOpsContract((env = {}) => openProductionShop({ env, instances: PROCESSES }), PROCESSES);
