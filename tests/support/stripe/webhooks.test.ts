import { afterEach, beforeEach, expect, test } from 'bun:test';
import type Stripe from 'stripe';
import { until } from '../until.ts';
import { openWebhookReceiver, type WebhookReceiver } from '../webhook-receiver.ts';
import { newIntent } from './objects.ts';
import { type StripeStandIn, startStripe } from './stand-in.ts';

const SECRET = 'whsec_test';
let standIn: StripeStandIn;
let stripe: Stripe;
let receiver: WebhookReceiver;

beforeEach(async () => {
  standIn = await startStripe({ retryMs: 1 });
  stripe = standIn.client();
  receiver = openWebhookReceiver();
  standIn.webhooks.connect(receiver.url('stripe'), SECRET);
});
afterEach(async () => {
  await standIn.close();
  receiver[Symbol.dispose]();
});

test("events are signed as Stripe's client checks it, and name the call that caused them", async () => {
  await pay({ idempotencyKey: 'order-1:1' });
  await until(() => heard().length === 3);
  expect(
    heard()
      .map(({ type }) => type)
      .sort(),
  ).toEqual(['charge.succeeded', 'payment_intent.created', 'payment_intent.succeeded']);
  for (const { text, headers } of receiver.heard('stripe')) {
    const event = await stripe.webhooks.constructEventAsync(text, headers.get('stripe-signature')!, SECRET);
    expect(event.request!.idempotency_key).toBe('order-1:1');
  }
});

test("a wrong signature is refused by Stripe's client", async () => {
  standIn.webhooks.add({ how: 'wrong_signature', type: 'payment_intent.succeeded', times: 1 });
  await pay();
  await until(() => heard().length === 3);
  const forged = receiver.heard('stripe').find(({ json }) => json.type === 'payment_intent.succeeded')!;
  const check = stripe.webhooks.constructEventAsync(
    forged.text,
    forged.headers.get('stripe-signature')!,
    SECRET,
  );
  await expect(check).rejects.toThrow('No signatures found');
});

test('an event is sent until it is accepted', async () => {
  let refusals = 2;
  receiver.answer = () => new Response(null, { status: refusals-- > 0 ? 500 : 200 });
  standIn.webhooks.add({ how: 'drop', type: 'charge.succeeded' });
  standIn.webhooks.add({ how: 'drop', type: 'payment_intent.created' });
  await pay();
  await until(() => heard().length === 3);
  await standIn.webhooks.idle();
  expect(new Set(heard().map(({ id }) => id)).size).toBe(1);
  const [event] = (await stripe.events.list({ types: ['payment_intent.succeeded'] })).data;
  expect(event!.pending_webhooks).toBe(0);
});

test('an event can be doubled, dropped, or come before its call is answered', async () => {
  standIn.webhooks.add({ how: 'before_answer', type: 'payment_intent.succeeded', times: 1 });
  standIn.webhooks.add({ how: 'double', type: 'charge.succeeded', times: 1 });
  standIn.webhooks.add({ how: 'drop', type: 'payment_intent.created', times: 1 });
  let isAnswered = false;
  const order: boolean[] = [];
  receiver.answer = ({ json }) => {
    if (json.type === 'payment_intent.succeeded') order.push(isAnswered);
    return new Response();
  };
  await pay();
  isAnswered = true;
  await until(() => heard().length === 3);
  await standIn.webhooks.idle();
  expect(order).toEqual([false]);
  expect(heard().filter(({ type }) => type === 'charge.succeeded')).toHaveLength(2);
});

test('events that are held come when they are released, in the order that is asked for', async () => {
  standIn.webhooks.add({ how: 'hold' });
  await pay();
  expect(heard()).toEqual([]);
  await standIn.webhooks.release({ reversed: true });
  expect(heard().map(({ type }) => type)).toEqual([
    'payment_intent.succeeded',
    'charge.succeeded',
    'payment_intent.created',
  ]);
});

test('an event can be about an intent that was never made here', async () => {
  const stranger = newIntent({
    allowed_payment_method_types: null,
    amount: 100,
    automatic_payment_methods: null,
    capture_method: 'manual',
    created: standIn.company.now(),
    currency: 'usd',
    customer: null,
    description: null,
    metadata: { order: 'of somebody else' },
    payment_method_types: ['card'],
  });
  await pay();
  const [real] = (await stripe.events.list()).data;
  await standIn.webhooks.forge({ ...real!, id: 'evt_stranger', data: { object: stranger } } as Stripe.Event);
  await until(() => heard().some(({ id }) => id === 'evt_stranger'));
  expect((await stripe.events.list()).data.map(({ id }) => id)).not.toContain('evt_stranger');
});

test('events are listed by type and time, also those that were not delivered', async () => {
  standIn.webhooks.add({ how: 'drop' });
  await pay();
  standIn.advance(60_000);
  await pay();
  const types = ['payment_intent.succeeded'];
  const all = (await stripe.events.list({ types })).data;
  expect(all.map(({ type }) => type)).toEqual([types[0]!, types[0]!] as (typeof all)[number]['type'][]);
  const since = await stripe.events.list({ types, created: { gte: all[0]!.created } });
  expect(since.data.map(({ id }) => id)).toEqual([all[0]!.id]);
  expect(heard()).toEqual([]);
  standIn.advance(30 * 86_400_000);
  expect((await stripe.events.list({ types })).data).toEqual([]);
});

function pay(options: Stripe.RequestOptions = {}) {
  const params = { amount: 1_000, currency: 'usd', allowed_payment_method_types: ['card'] };
  return stripe.paymentIntents.create({ ...params, confirm: true, payment_method: 'pm_card_visa' }, options);
}

function heard(): Stripe.Event[] {
  return receiver.heard('stripe').map(({ json }) => json);
}
