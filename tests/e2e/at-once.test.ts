import { openShop } from '../support/shop.ts';
import { describeAtOnce } from './at-once.contract.ts';

describeAtOnce({ openShop });
