import { openShop } from '../support/shop.ts';
import { describeProducts } from './products.contract.ts';

describeProducts(openShop);
