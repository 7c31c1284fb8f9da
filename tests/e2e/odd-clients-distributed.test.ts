import { describe } from 'bun:test';
import { distributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeOddClients } from './odd-clients.contract.ts';

describe.skipIf(!distributedBackends)('on distributed backends', () => {
  describeOddClients((env) => openDistributedShop({ env }));
});
