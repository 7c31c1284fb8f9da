import { onDistributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { describeWindows } from './windows.contract.ts';

/** Two processes of the API, a worker beside them, on a busy machine: what one of them changes reaches the other in time. */
const CHANGE_IS_KNOWN_MS = 1_000;

onDistributedBackends(() => describeWindows(() => openDistributedShop({ instances: 2 }), CHANGE_IS_KNOWN_MS));
