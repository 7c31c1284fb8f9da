import { onProductionEngines } from '../support/engines.ts';
import { openProductionShop } from '../support/production-shop.ts';
import { describeWindows } from './windows.contract.ts';

/** Two processes of the API, a worker beside them, on a busy machine: what one of them changes reaches the other in time. */
const CHANGE_IS_KNOWN_MS = 1_000;

onProductionEngines(() => describeWindows(() => openProductionShop({ instances: 2 }), CHANGE_IS_KNOWN_MS));
