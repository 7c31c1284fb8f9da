import { openShop } from '../support/shop.ts';
import { describeLiveContract } from './live.contract.ts';

describeLiveContract(openShop);
