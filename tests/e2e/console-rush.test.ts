import { expect, test } from 'bun:test';
import { openShop } from '../support/shop.ts';
import { describeConsoleRushContract } from './console-rush.contract.ts';

describeConsoleRushContract(openShop);

test('in production mode no crowd is sent', async () => {
  const PULSECART_OPERATOR_TOKEN = 'only-for-those-who-may';
  await using shop = await openShop({
    PULSECART_MODE: 'production',
    PULSECART_OPERATOR_TOKEN,
    PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
    HOST: '127.0.0.1',
  });
  const headers = { Authorization: `Bearer ${PULSECART_OPERATOR_TOKEN}` };
  const bodies = { GET: undefined, POST: { productId: 1, reason: 'x' }, DELETE: { reason: 'x' } };
  for (const [method, body] of Object.entries(bodies)) {
    const { status, json } = await shop.call(method, '/api/v1/ops/rush', { headers, ...(body && { body }) });
    expect([method, status, json.code]).toEqual([method, 403, 'development_only']);
  }
});
