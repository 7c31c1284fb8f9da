import { openShop } from '../support/shop.ts';
import { describeWindows } from './windows.contract.ts';

describeWindows(openShop, 0);
