import { describe } from 'bun:test';
import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { openShop } from '../support/shop.ts';
import { describeEndings } from './endings.contract.ts';

describe('on the embedded engines', () => describeEndings({ openShop }));

onProductionEngines(() => describeEndings({ openShop: (env = {}) => openProductionShop({ env }) }));
