import { openShop } from '../support/shop.ts';
import { describeHistoryContract } from './history.contract.ts';

describeHistoryContract(openShop, ['SQLite', 'SQLite'], 'in process');
