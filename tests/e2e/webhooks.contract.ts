import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { DistributedShop } from '../support/distributed-shop.ts';
import { type EmbeddedShop, eventually } from '../support/shop.ts';
import { isSignedBy, openWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

/** What a shop hears of its orders: real servers, and a receiver that is sometimes in trouble. */

const OPEN_TIMEOUT_MS = 90_000;
export const SECRETS = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
const WEBHOOKS = '/api/v1/ops/webhooks';
const ORDERS = 12;
const NEVER = new Promise<Response>(() => {});

type Shop = EmbeddedShop | DistributedShop;

export function webhookSettings(...urls: readonly string[]): Record<string, string> {
  return {
    PULSECART_WEBHOOK_URLS: urls.join(','),
    PULSECART_WEBHOOK_SECRET: SECRETS.join(' '),
    PULSECART_WEBHOOK_RETRY_SECONDS: '1,1,1',
    PULSECART_WEBHOOK_TIMEOUT_MS: '1200',
  };
}

export function describeWebhooksContract(openShop: (env: Record<string, string>) => Promise<Shop>): void {
  let receiver: WebhookReceiver;
  let shop: Shop;
  beforeAll(async () => {
    receiver = openWebhookReceiver();
    shop = await openShop(webhookSettings(receiver.url('a'), `${receiver.url('b')}?token=hidden`));
  }, OPEN_TIMEOUT_MS);
  afterAll(async () => {
    await shop[Symbol.asyncDispose]();
    receiver[Symbol.dispose]();
  }, OPEN_TIMEOUT_MS);

  async function buy(changes: object = {}): Promise<string> {
    const { status, json } = await shop.buy('sync', { productId: 1, quantity: 1, userId: 'ada', ...changes });
    expect(status).toBe(200);
    return json.orderId;
  }

  const typesOf = (name: string, orderId: string): string[] =>
    receiver
      .heard(name)
      .filter(({ json }) => json.data.orderId === orderId)
      .map(({ json }) => json.type);
  const hears = (name: string, orderId: string, ...types: string[]) =>
    eventually(() => Bun.deepEquals(typesOf(name, orderId), types));

  async function targets() {
    const { status, json } = await shop.get(WEBHOOKS);
    expect(status).toBe(200);
    return new Map<string, Target>(
      json.targets.map((one: Target) => [new URL(one.url).pathname.slice(1), one]),
    );
  }
  const isQuiet = async () => [...(await targets()).values()].every(({ waiting }) => waiting === 0);

  test('a shop hears each step of an order, signed, with the order as it was then', async () => {
    const orderId = await buy({ quantity: 2 });
    await hears('a', orderId, 'order.reserved', 'order.paid');
    const asked = { body: { reason: 'the buyer called' } };
    expect((await shop.call('POST', `/api/v1/orders/${orderId}/refund`, asked)).status).toBeOneOf([200, 202]);
    for (const name of ['a', 'b']) {
      await hears(name, orderId, 'order.reserved', 'order.paid', 'order.refunding', 'order.refunded');
      const heard = receiver.heard(name).filter(({ json }) => json.data.orderId === orderId);
      const sequences = heard.map(({ json }) => json.sequence);
      expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
      expect(new Set(heard.map(({ id }) => id)).size).toBe(4);
      for (const one of heard) {
        for (const secret of SECRETS) expect(await isSignedBy(secret, one)).toBe(true);
        expect(await isSignedBy(SECRETS[0]!, { ...one, text: `${one.text} ` })).toBe(false);
        expect(one.headers.get('content-type')).toBe('application/json');
        expect(Math.abs(Number(one.headers.get('webhook-timestamp')) - Date.now() / 1000)).toBeLessThan(300);
      }
      const { payments: _, ...read } = (await shop.get(`/api/v1/orders/${orderId}`)).json;
      expect(heard.at(-1)!.json).toEqual({
        type: 'order.refunded',
        timestamp: read.updatedAt,
        sequence: sequences.at(-1),
        data: { ...read, customer: 'ada' },
      });
      expect(heard[0]!.json.data).toEqual({
        ...read,
        ...{ customer: 'ada', status: 'reserved', updatedAt: read.createdAt },
      });
    }
  });

  test('many orders are heard of once each, every order in its own order', async () => {
    const bought = await Promise.all(
      Array.from({ length: ORDERS }, async (_, i) => {
        if (i % 2 === 0) return buy({ productId: 2, userId: `buyer-${i}` });
        const { json } = await shop.buy('async', { productId: 2, quantity: 1 });
        return json.trackingId as string;
      }),
    );
    for (const orderId of bought) await hears('a', orderId, 'order.reserved', 'order.paid');
    await eventually(isQuiet);
    const ids = receiver.heard('a').map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test(
    'a receiver in trouble is asked again, its later events wait, redirects lead nowhere, and what it never takes is replayed',
    async () => {
      let troubles: (() => Response | Promise<Response>)[] = [
        () => new Response('x'.repeat(100_000), { status: 500 }),
        () => NEVER,
        () => Response.redirect(receiver.url('elsewhere'), 307),
      ];
      receiver.answer = ({ name, json }) => {
        if (name === 'a') return troubles.shift()?.() ?? new Response(null, { status: 200 });
        return new Response(null, { status: json.type === 'order.reserved' ? 503 : 204 });
      };
      const orderId = await buy();
      const tries = ['order.reserved', 'order.reserved', 'order.reserved', 'order.reserved', 'order.paid'];
      await hears('a', orderId, ...tries);
      const [first, second] = receiver.heard('a').filter(({ json }) => json.data.orderId === orderId);
      expect([second!.id, second!.text]).toEqual([first!.id, first!.text]);
      expect(receiver.heard('elsewhere')).toEqual([]);

      await eventually(async () => (await targets()).get('b')!.dead === 1);
      const { id } = (await targets()).get('b')!;
      const dead = (await shop.get(`${WEBHOOKS}/dead?target=${id}`)).json;
      expect(dead.events).toMatchObject([
        { orderId, type: 'order.reserved', tries: 4, cause: 'it answered 503' },
      ]);
      troubles = [];
      receiver.answer = () => new Response(null, { status: 200 });
      const asked = { body: { target: id, reason: 'they are back' } };
      const replay = await shop.call('POST', `${WEBHOOKS}/replay`, asked);
      expect(replay.json).toEqual({ replayed: 1, truncated: false });
      await eventually(isQuiet);
      // Out of its order, as its sequence says.
      const [paid, reserved] = receiver.heard('b').slice(-2);
      expect([paid!.json.type, reserved!.json.type]).toEqual(['order.paid', 'order.reserved']);
      expect(reserved!.json.sequence).toBeLessThan(paid!.json.sequence);
      expect((await shop.get('/api/v1/ops/log?limit=1')).json.operations[0]).toMatchObject({
        ...{ action: 'webhooks.replay', subject: `webhook/${id}`, reason: 'they are back' },
      });
    },
    OPEN_TIMEOUT_MS,
  );

  test('a receiver that answers 410 hears no more until an operator enables it, and then all of it', async () => {
    await eventually(isQuiet);
    receiver.answer = ({ name }) => new Response(null, { status: name === 'b' ? 410 : 204 });
    const orderId = await buy();
    await hears('a', orderId, 'order.reserved', 'order.paid');
    await eventually(async () => (await targets()).get('b')!.disabledAt !== null);
    expect((await targets()).get('b')).toMatchObject({ disabledBecause: 'it answered 410', dead: 0 });
    expect((await targets()).get('b')!.url).toBe(receiver.url('b'));
    const before = receiver.heard('b').length;
    const later = await buy();
    await hears('a', later, 'order.reserved', 'order.paid');
    expect(receiver.heard('b').length).toBe(before);

    receiver.answer = () => new Response(null, { status: 204 });
    const { id } = (await targets()).get('b')!;
    const enable = (target: string) =>
      shop.call('POST', `${WEBHOOKS}/enable`, { body: { target, reason: 'they are back' } });
    expect((await enable('0123456789ab')).status).toBe(404);
    expect((await enable(id)).json).toEqual({ target: id });
    await hears('b', later, 'order.reserved', 'order.paid');
    await eventually(isQuiet);
    expect(typesOf('b', orderId).slice(-2)).toEqual(['order.reserved', 'order.paid']);
    const metrics = (await shop.get('/actuator/prometheus')).text;
    expect(metrics).toMatch(/^pulsecart_webhook_targets_disabled 0$/m);
    expect(metrics).toMatch(/^pulsecart_webhooks_delivered_total [1-9]\d*$/m);
  });
}

interface Target {
  readonly id: string;
  readonly url: string;
  readonly waiting: number;
  readonly dead: number;
  readonly disabledAt: string | null;
}
