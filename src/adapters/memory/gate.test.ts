import { gateContract } from '../../../tests/conformance/gate.contract.ts';
import { openMemoryGate } from './gate.ts';

gateContract('in process', async () => openMemoryGate());
