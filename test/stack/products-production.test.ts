import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeProducts } from './products.contract.ts';

if (!productionEngines) console.log('PULSECART_TEST_ENGINES=embedded: no products on the production engines');
else describeProducts((env = {}) => openProductionShop({ env }));
