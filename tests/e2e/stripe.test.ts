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
