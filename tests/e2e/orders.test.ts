import { openShop } from '../support/shop.ts';
import { describeOrders } from './orders.contract.ts';

describeOrders(openShop);
