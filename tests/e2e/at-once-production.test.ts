import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeAtOnce } from './at-once.contract.ts';

onProductionEngines(() => describeAtOnce({ openShop: (env) => openProductionShop({ env }) }));
