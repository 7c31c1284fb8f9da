import { openShop } from '../support/shop.ts';
import { describeOddClients } from './odd-clients.contract.ts';

describeOddClients(openShop);
