import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { runPulsecart } from '../support/command.ts';
import { temporaryFolder } from '../support/folder.ts';
import { openShop } from '../support/shop.ts';
import { describeHttpContract } from './http.contract.ts';

describeHttpContract({ openShop, components: ['db', 'queue', 'diskSpace'] });

describe('production mode', () => {
  const token = 'a-token-of-enough-characters';
  const refused: [string, Record<string, string>, RegExp][] = [
    ['without an operator token', {}, /PULSECART_OPERATOR_TOKEN/],
    ['with a weak one', { PULSECART_OPERATOR_TOKEN: 'short' }, /at least 16 characters/],
    ['with one that documents show', { PULSECART_OPERATOR_TOKEN: 'changeme-changeme' }, /easy to guess/],
    ['with simulated payments', { PULSECART_OPERATOR_TOKEN: token }, /simulated payment/],
    [
      'with a backend on an open network that nobody encrypts the way to',
      {
        PULSECART_OPERATOR_TOKEN: token,
        PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
        DATABASE_URL: 'postgres://shop:secret@203.0.113.7/shop',
        REDIS_URL: 'redis://:secret@127.0.0.1',
        RABBITMQ_URL: 'amqps://shop:secret@203.0.113.8',
      },
      /DATABASE_URL leads to 203\.0\.113\.7 without TLS\. .*PULSECART_ALLOW_PLAIN_BACKENDS=on/,
    ],
  ];
  for (const [name, env, line] of refused) {
    test(`does not start ${name}`, async () => {
      using folder = temporaryFolder();
      const { exit, stderr } = await runPulsecart(
        ['serve', '--port', '0', '--data', join(folder.path, 'data')],
        {
          PULSECART_MODE: 'production',
          ...env,
        },
      );
      expect(exit).toBe(2);
      expect(stderr).toMatch(line);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    });
  }

  test('starts with a token and simulated payments allowed, and then operators need the token', async () => {
    await using shop = await openShop({
      PULSECART_MODE: 'production',
      PULSECART_OPERATOR_TOKEN: token,
      PULSECART_ALLOW_SIMULATED_PAYMENTS: 'on',
      HOST: '127.0.0.1',
    });
    expect((await shop.call('POST', '/api/v1/sync/stock/init/1')).status).toBe(401);
    const headers = { Authorization: `Bearer ${token}` };
    expect((await shop.call('POST', '/api/v1/sync/stock/init/1', { headers })).status).toBe(200);
  });
});
