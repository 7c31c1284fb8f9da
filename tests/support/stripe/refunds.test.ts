import { afterAll, beforeAll, expect, test } from 'bun:test';
import type Stripe from 'stripe';
import { failureOf } from './failure.ts';
import { type StripeStandIn, startStripe } from './stand-in.ts';

let standIn: StripeStandIn;
let stripe: Stripe;

beforeAll(async () => {
  standIn = await startStripe();
  stripe = standIn.client();
});
afterAll(() => standIn.close());

test('a payment is refunded in parts, with metadata, and never above what is left', async () => {
  const { id } = await pay('pm_card_visa', 'gbp');
  const refund = await stripe.refunds.create({ payment_intent: id, amount: 300, metadata: { order: 'o' } });
  expect(refund).toMatchObject({
    amount: 300,
    status: 'succeeded',
    payment_intent: id,
    metadata: { order: 'o' },
  });
  const above = await failureOf(stripe.refunds.create({ payment_intent: id, amount: 701 }));
  expect(above.message).toContain('greater than unrefunded amount');
  const rest = await stripe.refunds.create({ payment_intent: id });
  expect(rest.amount).toBe(700);
  expect((await failureOf(stripe.refunds.create({ payment_intent: id }))).code).toBe(
    'charge_already_refunded',
  );
  const { data } = await stripe.refunds.list({ payment_intent: id });
  expect(data.map((one) => one.id)).toEqual([rest.id, refund.id]);
  expect(await stripe.refunds.retrieve(rest.id, { expand: ['charge'] })).toMatchObject({
    charge: { refunded: true, amount_refunded: 1_000 },
  });
  expect(standIn.money('GBP')).toEqual({ capturedMinor: 1_000, refundedMinor: 1_000 });
});

test('what was not paid is not refunded', async () => {
  const manual = await stripe.paymentIntents.create({
    amount: 1_000,
    currency: 'usd',
    allowed_payment_method_types: ['card'],
    capture_method: 'manual',
    confirm: true,
    payment_method: 'pm_card_visa',
  });
  expect((await failureOf(stripe.refunds.create({ payment_intent: manual.id }))).message).toContain(
    'does not have a successful charge',
  );
  expect((await failureOf(stripe.refunds.create({ payment_intent: 'pi_nobody' }))).code).toBe(
    'resource_missing',
  );
});

test('a refund that has succeeded can fail later, and the money can be refunded again', async () => {
  const { id } = await pay('pm_card_refundFail', 'sek');
  const refund = await stripe.refunds.create({ payment_intent: id });
  expect(refund.status).toBe('succeeded');
  standIn.advance(60_000);
  expect(await stripe.refunds.retrieve(refund.id)).toMatchObject({
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
  });
  expect(standIn.money('SEK')).toEqual({ capturedMinor: 1_000, refundedMinor: 0 });
  expect((await stripe.refunds.create({ payment_intent: id })).amount).toBe(1_000);
  expect(await typesOf(id)).toContain('refund.failed');
});

test('a refund that is pending succeeds later', async () => {
  const { id } = await pay('pm_card_pendingRefund', 'usd');
  const refund = await stripe.refunds.create({ payment_intent: id });
  expect(refund.status).toBe('pending');
  standIn.advance(60_000);
  expect((await stripe.refunds.retrieve(refund.id)).status).toBe('succeeded');
});

test('a dispute takes the money, bars refunds, and is closed', async () => {
  const { id } = await pay('pm_card_createDispute', 'usd');
  standIn.advance(60_000);
  expect((await failureOf(stripe.refunds.create({ payment_intent: id }))).code).toBe('charge_disputed');
  const dispute = [...standIn.company.disputes.values()].find((one) => one.payment_intent === id)!;
  expect(dispute).toMatchObject({ amount: 1_000, status: 'needs_response' });
  standIn.disputes.close(dispute.id, 'won');
  expect((await stripe.disputes.retrieve(dispute.id)).status).toBe('won');
  expect(await typesOf(id)).toEqual([
    'charge.dispute.closed',
    'charge.dispute.funds_reinstated',
    'charge.dispute.funds_withdrawn',
    'charge.dispute.created',
    'payment_intent.succeeded',
    'charge.succeeded',
    'payment_intent.created',
  ]);
});

function pay(payment_method: string, currency: string) {
  const allowed_payment_method_types = ['card'];
  return stripe.paymentIntents.create({
    amount: 1_000,
    currency,
    allowed_payment_method_types,
    confirm: true,
    payment_method,
  });
}

/** Types of the events about this intent and what belongs to it, the newest first. */
async function typesOf(intentId: string): Promise<string[]> {
  const { data } = await stripe.events.list({ limit: 100 });
  return data
    .filter(({ data: { object } }) => {
      const about = object as { id: string; payment_intent?: string };
      return about.id === intentId || about.payment_intent === intentId;
    })
    .map(({ type }) => type);
}
