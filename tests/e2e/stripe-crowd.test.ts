import { seedOf } from '../support/seed.ts';
import { type EmbeddedShop, openShop } from '../support/shop.ts';
import { describeStripeCrowd } from './stripe-crowd.contract.ts';

describeStripeCrowd(openShop, seedOf(import.meta.path), (shop) => ({
  args: ['--data', (shop as EmbeddedShop).folder],
  env: {},
}));
