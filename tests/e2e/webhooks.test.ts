import { expect, test } from 'bun:test';
import { eventually, openShop } from '../support/shop.ts';
import { openWebhookReceiver } from '../support/webhook-receiver.ts';
import { describeWebhooksContract, webhookSettings } from './webhooks.contract.ts';

describeWebhooksContract(openShop);

const TIMEOUT_MS = 60_000;

test(
  'what was committed and not heard when the server was killed is heard from the one that comes back',
  async () => {
    using receiver = openWebhookReceiver();
    const types = (orderId: string) =>
      receiver
        .heard('a')
        .filter(({ json }) => json.data.orderId === orderId)
        .map(({ json }) => json.type);
    // The receiver has taken the event and the server does not know: it is told again, under the same id.
    receiver.answer = () => new Promise(() => {});
    const env = { ...webhookSettings(receiver.url('a')), PULSECART_WEBHOOK_TIMEOUT_MS: '30000' };
    await using shop = await openShop(env);
    const { orderId } = (await shop.buy('sync', { productId: 1, quantity: 1 })).json;
    await eventually(() => types(orderId).length === 1);
    const isPaid = (id: string) =>
      eventually(async () => (await shop.get(`/api/v1/orders/${id}`)).json.status === 'paid');
    await isPaid(orderId);
    await shop.server.kill();
    receiver.answer = () => new Response(null, { status: 204 });
    await shop.restart();
    await eventually(() => types(orderId).includes('order.paid'));
    expect(types(orderId)).toEqual(['order.reserved', 'order.reserved', 'order.paid']);
    const [first, second] = receiver.heard('a');
    expect([second!.id, second!.text]).toEqual([first!.id, first!.text]);

    // Without targets orders write nothing more.
    await shop.restart({});
    expect((await shop.get('/api/v1/ops/webhooks')).json).toEqual({ targets: [] });
    await isPaid((await shop.buy('sync', { productId: 1, quantity: 1 })).json.orderId);
    await shop.restart(env);
    const { orderId: next } = (await shop.buy('sync', { productId: 1, quantity: 1 })).json;
    await eventually(() => types(next).includes('order.paid'));
    expect(new Set(receiver.heard('a').map(({ json }) => json.data.orderId))).toEqual(
      new Set([orderId, next]),
    );
  },
  TIMEOUT_MS,
);
