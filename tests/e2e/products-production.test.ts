import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeProducts } from './products.contract.ts';

onProductionEngines(() => describeProducts((env = {}) => openProductionShop({ env })));
