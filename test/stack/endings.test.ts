import { describe } from 'bun:test';
import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { openShop } from '../support/shop.ts';
import { describeEndings } from './endings.contract.ts';

describe('on the embedded engines', () => describeEndings({ openShop }));

if (!productionEngines) console.log('PULSECART_TEST_ENGINES=embedded: no endings on the production engines');
else {
  describe('on the production engines', () => {
    describeEndings({ openShop: (env = {}) => openProductionShop({ env }) });
  });
}
