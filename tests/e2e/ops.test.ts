import { openShop } from '../support/shop.ts';
import { describeOpsContract } from './ops.contract.ts';

describeOpsContract(openShop, 1);
