import { gateContract } from '../../ports/gate.contract.ts';
import { openMemoryGate } from './gate.ts';

gateContract('in process', async () => openMemoryGate());
