import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import Stripe from 'stripe';
import { failureOf } from './failure.ts';
import { type StripeStandIn, startStripe } from './stand-in.ts';

let standIn: StripeStandIn;
let stripe: Stripe;

beforeAll(async () => {
  standIn = await startStripe();
  stripe = standIn.client();
});
afterAll(() => standIn.close());

const card = { amount: 1_999, currency: 'usd', allowed_payment_method_types: ['card'] };

describe('an intent', () => {
  test('is created with what the caller gave, waits for a payment method, and is found again', async () => {
    const intent = await stripe.paymentIntents.create({
      ...card,
      capture_method: 'manual',
      metadata: { order: 'o-1' },
    });
    expect(intent).toMatchObject({
      amount: 1_999,
      capture_method: 'manual',
      metadata: { order: 'o-1' },
      allowed_payment_method_types: ['card'],
      payment_method_types: ['card'],
      status: 'requires_payment_method',
    });
    expect(intent.client_secret).toStartWith(`${intent.id}_secret_`);
    expect((await stripe.paymentIntents.retrieve(intent.id)).metadata).toEqual({ order: 'o-1' });
  });

  test('that is captured by hand is authorized for seven days, and captured in part', async () => {
    const intent = await stripe.paymentIntents.create({
      ...card,
      capture_method: 'manual',
      confirm: true,
      payment_method: 'pm_card_visa',
      expand: ['latest_charge'],
    });
    expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 1_999 });
    const charge = intent.latest_charge as Stripe.Charge;
    expect(charge.captured).toBe(false);
    expect(charge.payment_method_details!.card!.capture_before).toBe(charge.created + 7 * 86_400);
    const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 999 });
    expect(captured).toMatchObject({ status: 'succeeded', amount_received: 999, amount_capturable: 0 });
    const again = await failureOf(stripe.paymentIntents.capture(intent.id));
    expect(again).toMatchObject({ code: 'payment_intent_unexpected_state', statusCode: 400 });
    expect((again.raw as Stripe.StripeRawError).payment_intent).toMatchObject({ status: 'succeeded' });
  });

  test('that is confirmed in a second call is charged then, and not twice', async () => {
    const { id } = await stripe.paymentIntents.create(card);
    const paid = await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 1_999 });
    const again = await failureOf(stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' }));
    expect(again.code).toBe('payment_intent_unexpected_state');
  });

  test('is cancelled with a reason, once, and not after it was paid', async () => {
    const { id } = await stripe.paymentIntents.create(card);
    const cancelled = await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' });
    expect(cancelled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' });
    expect((await failureOf(stripe.paymentIntents.cancel(id))).code).toBe('payment_intent_unexpected_state');
    const paid = await stripe.paymentIntents.create({
      ...card,
      confirm: true,
      payment_method: 'pm_card_visa',
    });
    expect((await failureOf(stripe.paymentIntents.cancel(paid.id))).message).toContain('succeeded');
  });

  test('keeps its metadata but for what an update changes', async () => {
    const { id } = await stripe.paymentIntents.create({ ...card, metadata: { a: '1', b: '2' } });
    const updated = await stripe.paymentIntents.update(id, { metadata: { a: '', c: '3' } });
    expect(updated.metadata).toEqual({ b: '2', c: '3' });
  });
});

describe('a card', () => {
  const declines = [
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', ''],
  ] as const;

  test.each(declines)('%s is declined as %s, and the intent takes another', async (name, code, declined) => {
    const { id } = await stripe.paymentIntents.create(card);
    const failure = await failureOf(stripe.paymentIntents.confirm(id, { payment_method: name }));
    expect(failure).toBeInstanceOf(Stripe.errors.StripeCardError);
    expect([failure.code, failure.decline_code]).toEqual([code, declined]);
    const after = await stripe.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
    expect(after).toMatchObject({ status: 'requires_payment_method', last_payment_error: { code } });
    expect(after.latest_charge).toMatchObject({ status: 'failed', failure_code: code });
    const other = await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_visa' });
    expect(other).toMatchObject({ status: 'succeeded', last_payment_error: null });
  });

  test('that wants 3-D Secure is charged when the buyer passes, and declined when the buyer fails', async () => {
    const confirm = { confirm: true, payment_method: 'pm_card_authenticationRequired' };
    const waiting = await stripe.paymentIntents.create({
      ...card,
      ...confirm,
      return_url: 'https://shop.example/paid',
    });
    expect(waiting).toMatchObject({
      status: 'requires_action',
      latest_charge: null,
      next_action: { type: 'redirect_to_url' },
    });
    standIn.buyer.authenticate(waiting.id, true);
    expect((await stripe.paymentIntents.retrieve(waiting.id)).status).toBe('succeeded');

    const failed = await stripe.paymentIntents.create({ ...card, ...confirm });
    expect(failed.next_action!.type).toBe('use_stripe_sdk');
    standIn.buyer.authenticate(failed.id, false);
    expect(await stripe.paymentIntents.retrieve(failed.id)).toMatchObject({
      status: 'requires_payment_method',
      last_payment_error: { code: 'payment_intent_authentication_failure' },
    });

    const absent = stripe.paymentIntents.create({ ...card, ...confirm, off_session: true });
    expect((await failureOf(absent)).code).toBe('authentication_required');
  });
});

describe('the buyer', () => {
  test('pays by the client secret, and by no other', async () => {
    const intent = await stripe.paymentIntents.create(card);
    expect(standIn.buyer.pay(`${intent.client_secret}x`, 'pm_card_visa')).toHaveProperty('error');
    const declined = standIn.buyer.pay(intent.client_secret!, 'pm_card_visa_chargeDeclined');
    expect(declined).toMatchObject({ error: { code: 'card_declined' } });
    const paid = standIn.buyer.pay(intent.client_secret!, 'pm_card_visa');
    expect(paid).toMatchObject({ paymentIntent: { status: 'succeeded' } });
  });

  test('gives a confirmation token, which the server confirms one intent with', async () => {
    const options = { returnUrl: 'https://shop.example/paid' };
    const { id } = standIn.buyer.createConfirmationToken('pm_card_visa', options);
    const automatic = { amount: 500, currency: 'eur', confirm: true, confirmation_token: id };
    const intent = await stripe.paymentIntents.create(automatic);
    expect(intent.status).toBe('succeeded');
    expect((await stripe.confirmationTokens.retrieve(id)).payment_intent).toBe(intent.id);
    expect((await failureOf(stripe.paymentIntents.create(automatic))).param).toBe('confirmation_token');
    const late = await stripe.testHelpers.confirmationTokens.create({ payment_method: 'pm_card_visa' });
    standIn.advance(12 * 3_600_000);
    const expired = stripe.paymentIntents.create({ ...card, confirm: true, confirmation_token: late.id });
    expect((await failureOf(expired)).message).toContain('expired');
  });
});

describe('a wrong request', () => {
  const wrong = [
    [{ ...card, amount: 49 }, 'amount_too_small', 'amount'],
    [{ ...card, amount: 100_000_000 }, 'amount_too_large', 'amount'],
    [{ ...card, amount: 1.5 }, 'parameter_invalid_integer', 'amount'],
    [{ ...card, amount: undefined }, 'parameter_missing', 'amount'],
    [
      { ...card, payment_method_types: ['card'] },
      'payment_method_types_no_longer_supported',
      'payment_method_types',
    ],
    [{ ...card, automatic_payment_methods: { enabled: true } }, 'parameters_exclusive', undefined],
    [{ ...card, colour: 'red' }, 'parameter_unknown', 'colour'],
    [{ ...card, currency: 'euro' }, undefined, 'currency'],
    [{ ...card, confirm: true, payment_method: 'pm_nobody' }, 'resource_missing', 'payment_method'],
    [{ ...card, confirm: true }, 'payment_intent_unexpected_state', undefined],
    [
      { amount: 500, currency: 'usd', confirm: true, payment_method: 'pm_card_visa' },
      undefined,
      'return_url',
    ],
  ] as const;

  test.each(wrong)('%j is refused with code %s and names %s', async (params, code, param) => {
    const before = standIn.company.intents.size;
    const failure = await failureOf(
      stripe.paymentIntents.create(params as unknown as Stripe.PaymentIntentCreateParams),
    );
    expect([failure.type, failure.code, failure.param]).toEqual(['StripeInvalidRequestError', code, param]);
    expect(standIn.company.intents.size).toBe(before);
  });

  test('for an intent that is not there is refused with 404', async () => {
    const failure = await failureOf(stripe.paymentIntents.retrieve('pi_nobody'));
    expect(failure).toMatchObject({ statusCode: 404, code: 'resource_missing' });
  });

  test('with another key, or with none, is refused with 401', async () => {
    const { host, port } = standIn;
    for (const key of ['sk_test_other', standIn.secretKey.replace('_test_', '_live_')]) {
      const other = new Stripe(key, { host, port, protocol: 'http', maxNetworkRetries: 0 });
      expect(await failureOf(other.paymentIntents.list())).toBeInstanceOf(
        Stripe.errors.StripeAuthenticationError,
      );
    }
    expect((await fetch(`http://${host}:${port}/v1/payment_intents`)).status).toBe(401);
  });
});

test('lists are paged, the newest first, and bounded by the time of creation', async () => {
  await using own = await startStripe();
  const client = own.client();
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) {
    ids.unshift((await client.paymentIntents.create(card)).id);
    own.advance(10_000);
  }
  const first = await client.paymentIntents.list({ limit: 2 });
  expect([first.has_more, first.data.map(({ id }) => id)]).toEqual([true, ids.slice(0, 2)]);
  const all = await client.paymentIntents.list({ limit: 2 }).autoPagingToArray({ limit: 100 });
  expect(all.map(({ id }) => id)).toEqual(ids);
  const [, newer, , older] = all;
  const between = await client.paymentIntents.list({ created: { gte: older!.created, lte: newer!.created } });
  expect(between.data.map(({ id }) => id)).toEqual(ids.slice(1, 4));
});

test('an authorization that nobody captures is cancelled by Stripe itself', async () => {
  await using own = await startStripe();
  const client = own.client();
  const manual = {
    ...card,
    capture_method: 'manual',
    confirm: true,
    payment_method: 'pm_card_visa',
  } as const;
  const [{ id }, kept] = [
    await client.paymentIntents.create(manual),
    await client.paymentIntents.create(manual),
  ];
  await client.paymentIntents.capture(kept.id);
  own.advance(7 * 86_400_000 - 60_000);
  expect((await client.paymentIntents.retrieve(id)).status).toBe('requires_capture');
  own.advance(60_000);
  const ended = await client.paymentIntents.retrieve(id, { expand: ['latest_charge'] });
  expect(ended).toMatchObject({
    status: 'canceled',
    cancellation_reason: 'automatic',
    latest_charge: { captured: false, refunded: true },
  });
  expect((await client.paymentIntents.retrieve(kept.id)).status).toBe('succeeded');
  expect(own.money('USD')).toEqual({ capturedMinor: 1_999, refundedMinor: 0 });
});
