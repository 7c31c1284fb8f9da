import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { describeStripeCrowd } from './stripe-crowd.contract.ts';

describeStripeCrowd(openShop, (shop) => ({ args: ['--data', (shop as EmbeddedShop).folder], env: {} }));
