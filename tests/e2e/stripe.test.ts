import { openShop } from '../support/shop.ts';
import { describeStripe } from './stripe.contract.ts';

describeStripe(openShop);
