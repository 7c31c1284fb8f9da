import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeHistoryContract } from './history.contract.ts';

onDistributedBackends(() =>
  describeHistoryContract(
    () => openDistributedShop({ instances: 2 }),
    ['PostgreSQL', 'RabbitMQ', 'Redis'],
    'in use',
  ),
);
