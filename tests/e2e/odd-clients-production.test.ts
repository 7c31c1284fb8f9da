import { describe } from 'bun:test';
import { productionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeOddClients } from './odd-clients.contract.ts';

describe.skipIf(!productionEngines)('on production engines', () => {
  describeOddClients((env) => openProductionShop({ env }));
});
