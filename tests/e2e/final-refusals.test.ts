import { expect, test } from 'bun:test';
import { failSyncs } from '../support/fail-syncs.ts';
import { eventually, openShop } from '../support/shop.ts';
import { whyNoStrace } from '../support/strace.ts';

const SHORT_MS = 500;

test.skipIf(whyNoStrace !== null)(
  'P1 a refusal is final: a purchase that the disk left open is not made when its key has been refused',
  async () => {
    await using shop = await openShop({
      PULSECART_PAYMENTS: 'off',
      PULSECART_PURCHASE_TIMEOUT_MS: `${SHORT_MS}`,
    });
    await shop.reset(1, 1);
    const body = { productId: 1, quantity: 1, userId: 'ann' };
    const key = { 'Idempotency-Key': 'first-try' };
    {
      await using _failing = await failSyncs(shop.server.pid);
      const unknown = await shop.buy('sync', body, key);
      expect([unknown.status, unknown.json.code]).toEqual([503, 'outcome_unknown']);
      const duplicate = await shop.buy('sync', body, key);
      expect([duplicate.status, duplicate.json.code]).toEqual([409, 'in_flight']);
      expect((await shop.get(`/api/v1/orders/${unknown.json.orderId}`)).json.status).toBe('pending');
    }
    expect((await shop.buy('sync', { ...body, userId: 'bob' })).status).toBe(200);
    await eventually(async () => (await shop.buy('sync', body, key)).json.code === 'sold_out');
    await shop.reset(1, 5);
    expect((await shop.buy('sync', body, key)).json).toMatchObject({ success: true, remainingStock: 4 });
    expect((await shop.readBooks()).breaches).toEqual([]);
  },
  60_000,
);
