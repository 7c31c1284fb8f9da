import { expect, test } from 'bun:test';
import { eventually, openShop } from '../support/shop.ts';
import { EVENTS_PATH, openStripeShop, WEBHOOK_SECRET } from '../support/stripe-shop.ts';
import { describeStripe } from './stripe.contract.ts';

describeStripe(openShop);

/** The promise is a second; the rest is for a busy machine. */
const ANSWER_MS_MAX = 3_000;

test('an event that the ledger cannot take is asked for again, about a second later', async () => {
  await using made = await openStripeShop(openShop);
  const { shop, stripe } = made;
  const metadata = { orderId: crypto.randomUUID(), attempt: '1' };
  const object = { id: 'pi_none', metadata };
  const type = 'payment_intent.succeeded';
  const body = JSON.stringify({ id: 'evt_1', object: 'event', type, data: { object } });
  const signature = await stripe
    .client()
    .webhooks.generateTestHeaderStringAsync({ payload: body, secret: WEBHOOK_SECRET });
  const send = async () =>
    (await shop.call('POST', EVENTS_PATH, { body, headers: { 'Stripe-Signature': signature } })).status;
  {
    await using _ = await shop.holdWrites();
    const sentAtMs = performance.now();
    expect(await send()).toBe(503);
    expect(performance.now() - sentAtMs).toBeLessThan(ANSWER_MS_MAX);
  }
  await eventually(async () => (await send()) === 200);
});

test('a buyer who asks for one payment again and again uses up no calls of Stripe, and an operator may go on', async () => {
  const env = { PULSECART_LIMITS: 'on', PULSECART_LIMIT_PURCHASE_CUSTOMER: '1/h burst 3' };
  await using made = await openStripeShop(openShop, { env });
  const [orderId, other] = [await made.buy(), await made.buy()];
  for (let i = 0; i < 3; i++) expect((await made.pay(orderId)).status).toBe(200);
  const confirmationToken = made.stripe.buyer.createConfirmationToken('pm_card_visa').id;
  for (const body of [undefined, { confirmationToken, returnUrl: 'https://shop.example/back' }]) {
    const refused = await made.pay(orderId, body);
    expect([refused.status, refused.json.code]).toEqual([429, 'too_many_requests']);
    expect(refused.headers.get('ratelimit-policy')).toStartWith('"purchase-customer"');
  }
  expect(made.stripe.calls('POST /v1/payment_intents/:id/confirm')).toBe(0);
  const operator = { Authorization: `Bearer ${made.shop.server.operatorToken}` };
  expect((await made.pay(orderId, undefined, operator)).status).toBe(200);
  expect((await made.pay(other)).status).toBe(200);
});
