import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import pino from 'pino';
import { failure, providerContract } from '../../../tests/conformance/provider.contract.ts';
import { keptLog } from '../../../tests/support/kept-log.ts';
import { type StripeStandIn, startStripe } from '../../../tests/support/stripe/stand-in.ts';
import { until } from '../../../tests/support/until.ts';
import { isAppError } from '../../domain/errors.ts';
import type { ChargeRequest, PaymentProvider, ProviderEvent } from '../../ports/provider.ts';
import { examineStripe } from './examine.ts';
import { openStripe } from './stripe.ts';

/** Stripe's own client against a stand-in for Stripe; what the port asks of every company, and what is Stripe's own. */

const SECRETS = ['whsec_0123456789abcdef', 'whsec_fedcba9876543210'];
const TIMEOUT_MS = 400;
const LATE_MS = 600;
const HOUR_MS = 3_600_000;
const INTENTS = '/v1/payment_intents';

let orders = 0;
const newRequest = (changes: Partial<ChargeRequest> = {}): ChargeRequest => {
  const orderId = `order-${++orders}`;
  return { key: `${orderId}:1`, orderId, amountMinor: 1_000, currency: 'USD', customer: null, ...changes };
};

function openAt(company: StripeStandIn, troubles: unknown[] = []): PaymentProvider {
  return openStripe({
    secretKey: company.secretKey,
    publishableKey: 'pk_test_stand_in',
    webhookSecrets: SECRETS,
    timeoutMs: TIMEOUT_MS,
    url: `http://${company.host}:${company.port}`,
    now: () => company.company.now() * 1_000,
    log: keptLog([], troubles),
  });
}

providerContract(
  'Stripe',
  async () => {
    const company = await startStripe();
    const provider = openAt(company);
    const payments = new Map<string, Promise<void>>();
    const pay = async (request: ChargeRequest) => {
      const { clientSecret, status } = await provider.buyerPays!.open(request, null);
      if (status === 'open') company.buyer.pay(clientSecret, 'pm_card_visa');
    };
    /** The buyer pays once for each charge. */
    const paid = (request: ChargeRequest) => {
      const paying = payments.get(request.key) ?? pay(request);
      payments.set(request.key, paying);
      return paying.catch((error) => {
        payments.delete(request.key);
        throw error;
      });
    };
    return {
      provider: {
        ...provider,
        async charge(request) {
          await paid(request);
          return provider.charge(request);
        },
        async close() {
          await provider.close();
          await company.close();
        },
      },
      request(outcome) {
        const request = newRequest();
        if (outcome === 'late')
          company.faults.add({ kind: 'slow_answer', route: `POST ${INTENTS}/:id/capture`, times: 1 });
        // Stripe's client sends a call that was cut again by itself, once.
        if (outcome === 'lost')
          company.faults.add({ kind: 'cut_before', route: `POST ${INTENTS}`, times: 2 });
        return request;
      },
      setOutage: (isOut) => company.setOutage(isOut),
    };
  },
  { buyerPays: true },
);

describe('Stripe', () => {
  let company: StripeStandIn;
  let provider: PaymentProvider;
  let troubles: unknown[];

  beforeEach(async () => {
    company = await startStripe();
    troubles = [];
    provider = openAt(company, troubles);
  });
  afterEach(() => company.close());

  const buyer = () => provider.buyerPays!;
  const intentOf = (id: string) => company.company.intents.get(id)!;
  /** As the ledger knows it later. */
  const known = (request: ChargeRequest, providerId: string | null, agoMs = 0): ChargeRequest => ({
    ...request,
    begun: { providerId, atMs: company.company.now() * 1_000 - agoMs },
  });

  test('makes one payment of the exact amount for a charge, with its order in it, and waits for the buyer', async () => {
    const request = newRequest({ amountMinor: 1_999 });
    const [first, second] = [await buyer().open(request, null), await buyer().open(request, null)];
    expect(first).toMatchObject({ status: 'open', declined: null, clientSecret: expect.any(String) });
    expect(second).toEqual(first);
    expect(company.company.intents.size).toBe(1);
    expect(intentOf(first.providerId)).toMatchObject({
      amount: 1_999,
      currency: 'usd',
      capture_method: 'manual',
      metadata: { orderId: request.orderId, attempt: '1' },
    });
    expect(await provider.charge(request)).toEqual({ type: 'waiting', providerId: first.providerId });
    expect(company.money('USD').capturedMinor).toBe(0);
  });

  test('captures what the buyer has authorised, once', async () => {
    const request = newRequest();
    const { providerId, clientSecret } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, 'pm_card_visa');
    expect((await buyer().open(request, null)).status).toBe('authorised');
    for (let i = 0; i < 2; i++)
      expect(await provider.charge(known(request, providerId))).toEqual({ type: 'captured', providerId });
    expect(company.money('USD').capturedMinor).toBe(1_000);
  });

  test('leaves a payment open that the bank declines, and another card may pay it', async () => {
    const request = newRequest();
    const token = (card: string) => ({
      type: 'token' as const,
      token: company.buyer.createConfirmationToken(card).id,
      returnUrl: 'https://shop.example/back',
    });
    const declined = await buyer().open(request, token('pm_card_visa_chargeDeclined'));
    expect(declined).toMatchObject({ status: 'open', declined: 'Your card was declined.' });
    expect(await buyer().open(request, token('pm_card_visa'))).toMatchObject({
      status: 'authorised',
      declined: null,
      providerId: declined.providerId,
    });
  });

  test('waits for a buyer who has to prove something, and captures afterwards', async () => {
    const request = newRequest();
    const { id } = company.buyer.createConfirmationToken('pm_card_authenticationRequired');
    const returnUrl = 'https://shop.example/back';
    const asked = await buyer().open(request, { type: 'token', token: id, returnUrl });
    expect(asked.status).toBe('action');
    expect((await provider.charge(request)).type).toBe('waiting');
    company.buyer.authenticate(asked.providerId, true);
    expect((await provider.charge(request)).type).toBe('captured');
  });

  test('refuses a confirmation that it does not know, in its words, and says so to operators', async () => {
    const made = await buyer().open(newRequest(), { type: 'token', token: 'ctoken_none', returnUrl: null });
    expect(made).toMatchObject({ status: 'open', declined: expect.stringContaining('ctoken_none') });
    expect(troubles).toHaveLength(1);
    // The log writes an error with its causes.
    expect(pino.stdSerializers.err(troubles[0] as Error).message.split('ctoken_none')).toHaveLength(2);
  });

  test('charges a saved means of paying without its buyer', async () => {
    const request = newRequest();
    const returnUrl = 'https://shop.example/back';
    const saved = { type: 'saved', paymentMethod: 'pm_card_visa', customer: null, returnUrl } as const;
    const made = await buyer().open(request, saved);
    expect([made.declined, made.status]).toEqual([null, 'authorised']);
  });

  test('cancels what was authorised, and nothing of it is captured afterwards', async () => {
    const request = newRequest();
    const { clientSecret, providerId } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, 'pm_card_visa');
    expect(await provider.cancel(known(request, providerId))).toEqual({ type: 'cancelled' });
    expect(await provider.charge(known(request, providerId))).toEqual({
      type: 'declined',
      reason: 'The payment was cancelled.',
    });
    expect((await buyer().open(request, null)).status).toBe('cancelled');
    expect(company.buyer.pay(clientSecret, 'pm_card_visa')).toMatchObject({
      error: { code: 'payment_intent_unexpected_state' },
    });
  });

  test('declines an authorisation that the bank no longer keeps', async () => {
    const request = newRequest();
    const { clientSecret, providerId } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, 'pm_card_visa');
    company.advance(8 * 24 * HOUR_MS);
    expect((await provider.charge(known(request, providerId, 8 * 24 * HOUR_MS))).type).toBe('declined');
    expect(company.money('USD').capturedMinor).toBe(0);
  });

  test('reads when an authorisation ends, and captures nothing after that', async () => {
    const request = newRequest();
    const { clientSecret, providerId } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, 'pm_card_visa');
    const charge = company.company.charges.get(intentOf(providerId).latest_charge as string)!;
    charge.payment_method_details!.card!.capture_before = company.company.now();
    expect(await provider.charge(known(request, providerId))).toMatchObject({
      type: 'declined',
      reason: 'The authorisation ran out before it was captured.',
    });
    expect(intentOf(providerId).status).toBe('canceled');
  });

  describe('on bad days', () => {
    test.each([
      ['slow', 'outcome_unknown'],
      ['slow_answer', 'outcome_unknown'],
      ['rate_limit', 'unavailable'],
      ['lock_timeout', 'unavailable'],
      ['error_before', 'outcome_unknown'],
      ['error_after', 'outcome_unknown'],
      ['cut_before', 'outcome_unknown'],
      ['cut_after', 'outcome_unknown'],
    ] as const)(
      'a call that is %s is %s, and the next one makes and captures one payment',
      async (kind, code) => {
        const request = newRequest();
        company.faults.add({ kind, times: 2, ms: LATE_MS });
        expect(isAppError(await failure(buyer().open(request, null)), code)).toBe(true);
        company.faults.clear();
        const { clientSecret, providerId } = await buyer().open(request, null);
        company.buyer.pay(clientSecret, 'pm_card_visa');
        company.faults.add({ kind, route: `POST ${INTENTS}/:id/capture`, times: 2, ms: LATE_MS });
        expect(isAppError(await failure(provider.charge(known(request, providerId))), code)).toBe(true);
        company.faults.clear();
        expect((await provider.charge(known(request, providerId))).type).toBe('captured');
        expect(company.money('USD').capturedMinor).toBe(1_000);
      },
    );

    test.each([
      ['capture', 'captured', 'charge'],
      ['cancel', 'cancelled', 'cancel'],
    ] as const)('a %s whose key replays a fault is done under another key', async (route, type, step) => {
      const request = newRequest();
      company.faults.add({ kind: 'error_before', times: 1 });
      await failure(buyer().open(request, null));
      const { providerId, clientSecret } = await buyer().open(request, null);
      company.buyer.pay(clientSecret, 'pm_card_visa');
      company.faults.add({ kind: 'error_before', route: `POST ${INTENTS}/:id/${route}`, times: 1 });
      expect(isAppError(await failure(provider[step](known(request, providerId))), 'outcome_unknown')).toBe(
        true,
      );
      expect((await provider[step](known(request, providerId))).type).toBe(type);
    });

    test('a step whose key replays a refusal for a state that is over is done under another key', async () => {
      const request = newRequest();
      const { providerId, clientSecret } = await buyer().open(request, null);
      company.buyer.pay(clientSecret, 'pm_card_visa');
      const { paymentIntents } = company.client();
      const keyed = { idempotencyKey: `${request.key}:cancel` };
      const abandon = () => paymentIntents.cancel(providerId, { cancellation_reason: 'abandoned' }, keyed);
      intentOf(providerId).status = 'succeeded';
      await failure(abandon());
      intentOf(providerId).status = 'requires_capture';
      await failure(abandon());
      expect(await provider.cancel(known(request, providerId))).toEqual({ type: 'cancelled' });
      expect(intentOf(providerId).status).toBe('canceled');
    });

    test('a payment whose key replays a fault is made in a crowd of others, too, once for all who ask', async () => {
      const request = newRequest();
      company.faults.add({ kind: 'error_before', times: 1 });
      await failure(buyer().open(request, null));
      const { providerId } = await buyer().open(newRequest(), null);
      for (let i = 0; i < 10_001; i++)
        company.company.intents.set(`pi_${i}`, { ...intentOf(providerId), id: `pi_${i}` });
      const made = await buyer().open(request, null);
      expect((await buyer().open(request, null)).providerId).toBe(made.providerId);
      expect(await provider.cancel(request)).toEqual({ type: 'cancelled' });
      expect(intentOf(made.providerId).status).toBe('canceled');
    });

    test('a key that Stripe no longer takes is an `unavailable` of which operators hear', async () => {
      const stranger = openAt({ ...company, secretKey: 'sk_test_of_others' } as StripeStandIn, troubles);
      const refusal = await failure(stranger.charge(newRequest()));
      expect(isAppError(refusal, 'unavailable')).toBe(true);
      expect((refusal as Error).message).toStartWith('Stripe does not take the key: Invalid API Key');
      expect(troubles).toHaveLength(1);
    });
  });

  test('finds a payment that its key has made in other words, as an earlier version had them', async () => {
    const request = newRequest();
    const made = await company.client().paymentIntents.create(
      {
        amount: 1_000,
        currency: 'usd',
        capture_method: 'manual',
        metadata: { orderId: request.orderId, attempt: '1' },
      },
      { idempotencyKey: `${request.key}:create` },
    );
    expect((await buyer().open(request, null)).providerId).toBe(made.id);
  });

  test('cancels a payment that Stripe refused to make: nothing could be taken by it', async () => {
    // Half a dollar at least, which no table of ours has in won.
    const request = newRequest({ amountMinor: 10, currency: 'KRW' });
    expect(isAppError(await failure(buyer().open(request, null)), 'invalid_request')).toBe(true);
    expect(await provider.cancel(known(request, null))).toEqual({ type: 'cancelled' });
  });

  test('answers that it was captured where that was faster than the end of its authorisation', async () => {
    const request = newRequest();
    const { clientSecret, providerId } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, 'pm_card_visa');
    const charge = company.company.charges.get(intentOf(providerId).latest_charge as string)!;
    charge.payment_method_details!.card!.capture_before = company.company.now();
    company.faults.add({ kind: 'slow', route: `POST ${INTENTS}/:id/cancel`, times: 1, ms: 200 });
    const answer = provider.charge(known(request, providerId));
    await until(() => company.calls(`POST ${INTENTS}/:id/cancel`) === 1);
    await company.client().paymentIntents.capture(providerId);
    expect(await answer).toEqual({ type: 'captured', providerId });
  });

  test('refunds all of it, also where a part went back before, and under another key after a fault', async () => {
    const refund = await captureToRefund();
    await company.client().refunds.create({ payment_intent: refund.providerId, amount: 1 });
    company.faults.add({ kind: 'error_before', route: 'POST /v1/refunds', times: 1 });
    expect(isAppError(await failure(provider.refund(refund)), 'outcome_unknown')).toBe(true);
    expect((await provider.refund(refund)).type).toBe('refunded');
    expect(company.money('USD').refundedMinor).toBe(1_000);
  });

  describe('when its keys are forgotten', () => {
    test('finds a payment by its id', async () => {
      const request = newRequest();
      const { providerId, clientSecret } = await buyer().open(request, null);
      company.buyer.pay(clientSecret, 'pm_card_visa');
      company.advance(25 * HOUR_MS);
      const answer = await provider.charge(known(request, providerId, 25 * HOUR_MS));
      expect(answer).toEqual({ type: 'captured', providerId });
      expect(company.company.intents.size).toBe(1);
    });

    test('finds one whose id was never heard by what it has of ours, and makes none anew', async () => {
      const [request, never] = [newRequest(), newRequest()];
      const { providerId, clientSecret } = await buyer().open(request, null);
      await buyer().open(newRequest(), null);
      company.buyer.pay(clientSecret, 'pm_card_visa');
      company.advance(24 * HOUR_MS);
      expect(await provider.charge(known(request, null, 24 * HOUR_MS))).toEqual({
        type: 'captured',
        providerId,
      });
      expect(
        isAppError(await failure(provider.charge(known(never, null, 24 * HOUR_MS))), 'unavailable'),
      ).toBe(true);
      expect(await provider.cancel(known(never, null, 24 * HOUR_MS))).toEqual({ type: 'cancelled' });
      expect(company.company.intents.size).toBe(2);
    });

    test('refunds once', async () => {
      const refund = await captureToRefund();
      const first = await provider.refund(refund);
      company.advance(25 * HOUR_MS);
      expect(await provider.refund(refund)).toEqual(first);
      expect(company.money('USD').refundedMinor).toBe(1_000);
    });
  });

  test('refunds nothing that is disputed, and counts as refunded what the bank gave back', async () => {
    const refund = await captureToRefund();
    const { id } = company.disputes.open(intentOf(refund.providerId).latest_charge as string);
    expect(isAppError(await failure(provider.refund(refund)), 'unavailable')).toBe(true);
    company.disputes.close(id, 'lost');
    expect(await provider.refund(refund)).toEqual({ type: 'refunded', refundId: id });
    expect([company.money('USD').refundedMinor, troubles]).toEqual([0, []]);
  });

  test('leaves alone a payment that is not as it was made, and operators hear of it', async () => {
    const request = newRequest();
    const { providerId, clientSecret } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, 'pm_card_visa');
    const tampered = known({ ...request, amountMinor: 900 }, providerId);
    expect(isAppError(await failure(provider.charge(tampered)), 'invalid_request')).toBe(true);
    const others = known({ ...request, key: 'other-order:1' }, providerId);
    expect(isAppError(await failure(provider.cancel(others)), 'invalid_request')).toBe(true);
    expect(intentOf(providerId).status).toBe('requires_capture');
    expect(troubles).toHaveLength(2);
    // An operator has ended it at Stripe.
    await company.client().paymentIntents.cancel(providerId);
    expect(await provider.cancel(tampered)).toEqual({ type: 'cancelled' });
  });

  test('is examined by its key: for tests, refused, or away', async () => {
    const examine = (changes = {}) =>
      examineStripe({
        secretKey: company.secretKey,
        publishableKey: 'pk_test_stand_in',
        webhookSecrets: SECRETS,
        timeoutMs: TIMEOUT_MS,
        url: `http://${company.host}:${company.port}`,
        now: Date.now,
        isLive: false,
        ...changes,
      });
    expect(await examine()).toMatchObject({ state: 'note', detail: expect.stringContaining('no money') });
    expect(await examine({ isLive: true })).toMatchObject({ state: 'ok' });
    const refused = await failure(examine({ secretKey: 'sk_test_of_others' }));
    expect(String(refused)).toContain('does not take the key');
    await company.setOutage(true);
    expect(String(await failure(examine()))).toContain('cannot be reached');
  });

  test('lists the payments of a span of time that are ours, with what went back and what is disputed', async () => {
    const fromMs = company.company.now() * 1_000;
    const refund = await captureToRefund();
    await provider.refund(refund);
    const { providerId } = await buyer().open(newRequest({ amountMinor: 5_000, currency: 'JPY' }), null);
    await company.client().paymentIntents.create({ amount: 700, currency: 'usd' });
    company.advance(5_000);
    const toMs = company.company.now() * 1_000;
    await buyer().open(newRequest(), null);
    const listed = await Array.fromAsync(buyer().payments(fromMs, toMs));
    expect(listed.toSorted((a, b) => a.amountMinor - b.amountMinor)).toMatchObject([
      {
        providerId: refund.providerId,
        amountMinor: 1_000,
        status: 'captured',
        refundedMinor: 1_000,
        isDisputed: false,
      },
      { providerId, amountMinor: 5_000, currency: 'JPY', status: 'open', refundedMinor: 0 },
    ]);
  });

  describe('an event', () => {
    test.each(SECRETS)('is believed with the signature of %s', async (secret) => {
      const { providerId } = await buyer().open(newRequest(), null);
      const body = bodyOf('payment_intent.succeeded', intentOf(providerId));
      const event = await buyer().readEvent(body, await signed(body, secret));
      expect(event).toEqual({
        id: 'evt_1',
        subject: 'payment',
        subjectId: providerId,
        key: `${intentOf(providerId).metadata.orderId}:1`,
      });
    });

    test('is not believed with another secret, changed, too old or without a signature', async () => {
      const body = bodyOf('payment_intent.succeeded', { id: 'pi_1', metadata: {} });
      const good = await signed(body, SECRETS[0]!);
      for (const [text, signature] of [
        [body, await signed(body, 'whsec_of_somebody_else')],
        [`${body} `, good],
        [body, await signed(body, SECRETS[0]!, -301)],
        [body, ''],
        ['', good],
      ] as const)
        expect(await buyer().readEvent(text, signature)).toBeNull();
      expect(await buyer().readEvent(body, good)).not.toBeNull();
    });

    test('about a dispute or a refund finds the charge and how it stands now', async () => {
      const [refund, disputed] = [await captureToRefund('pm_card_refundFail'), await captureToRefund()];
      const charge = intentOf(disputed.providerId).latest_charge as string;
      const dispute = company.disputes.open(charge);
      const about = (subject: ProviderEvent['subject'], subjectId: string) =>
        buyer().lookInto({ id: 'evt_1', subject, subjectId, key: null });
      const trouble = (kind: string, state: string) => ({
        type: 'trouble',
        key: (kind === 'dispute' ? disputed : refund).chargeKey,
        trouble: { kind, state },
      });
      expect(await about('dispute', dispute.id)).toMatchObject(trouble('dispute', 'open'));
      company.disputes.close(dispute.id, 'lost');
      expect(await about('dispute', dispute.id)).toMatchObject(trouble('dispute', 'lost'));
      const { refundId } = await provider.refund(refund);
      expect(await about('refund', refundId)).toEqual({ type: 'nothing' });
      company.advance(120_000);
      expect(await about('refund', refundId)).toMatchObject(trouble('refund', 'failed'));
      expect(await about('payment', refund.providerId)).toEqual({
        type: 'payment',
        key: refund.chargeKey,
        providerId: refund.providerId,
      });
    });

    test('about what Stripe does not know, or what is not ours, finds nothing', async () => {
      const foreign = await company.client().paymentIntents.create({ amount: 700, currency: 'usd' });
      for (const [subject, subjectId] of [
        ['payment', 'pi_none'],
        ['dispute', 'du_none'],
        ['refund', 're_none'],
        ['payment', foreign.id],
      ] as const)
        expect(await buyer().lookInto({ id: 'evt_1', subject, subjectId, key: null })).toEqual({
          type: 'nothing',
        });
    });
  });

  async function captureToRefund(card = 'pm_card_visa') {
    const request = newRequest();
    const { clientSecret, providerId } = await buyer().open(request, null);
    company.buyer.pay(clientSecret, card);
    expect((await provider.charge(request)).type).toBe('captured');
    const { key, orderId, amountMinor, currency } = request;
    return { key: `${key}:refund`, chargeKey: key, providerId, orderId, amountMinor, currency };
  }

  function bodyOf(type: string, object: object): string {
    return JSON.stringify({ id: 'evt_1', object: 'event', type, data: { object } });
  }

  function signed(payload: string, secret: string, agoS = 0): Promise<string> {
    const timestamp = company.company.now() + agoS;
    return company.client().webhooks.generateTestHeaderStringAsync({ payload, secret, timestamp });
  }
});
