import { describe } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { openShop } from '../support/shop.ts';
import { describeEndings } from './cancel-refund.contract.ts';

describe('on the embedded backends', () => describeEndings({ openShop }));

onDistributedBackends(() => describeEndings({ openShop: (env = {}) => openDistributedShop({ env }) }));
