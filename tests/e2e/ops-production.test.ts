import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeOpsContract } from './ops.contract.ts';

/** Whichever of them is asked, it knows of all. */
const PROCESSES = 2;

onProductionEngines(() =>
  describeOpsContract((env = {}) => openProductionShop({ env, instances: PROCESSES }), PROCESSES),
);
