import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type Stripe from 'stripe';
import { ORDER } from '../../src/pages/text.ts';
import { eventually, type Shop } from '../support/shop.ts';
import { EVENTS_PATH, openStripeShop, type StripeShop, WEBHOOK_SECRET } from '../support/stripe-shop.ts';

/** Buyers who pay at Stripe, from the purchase to what comes weeks later, against real server processes. */

const OPEN_TIMEOUT_MS = 90_000;
const TIMEOUT_MS = 60_000;
const AMOUNT = 99_999;
const BACK = 'https://shop.example/back';

export function describeStripe(openShop: (env: Record<string, string>) => Promise<Shop>): void {
  describe('buyers who pay at Stripe', () => {
    let made: StripeShop;

    beforeAll(async () => {
      made = await openStripeShop(openShop, {
        env: { PULSECART_LOG_LEVEL: 'trace', PULSECART_LOG_REQUESTS: 'on' },
      });
    }, OPEN_TIMEOUT_MS);
    afterEach(() => {
      made.stripe.faults.clear();
      made.stripe.webhooks.clear();
    });
    afterAll(async () => {
      expect((await made.shop.readBooks()).breaches).toEqual([]);
      await made[Symbol.asyncDispose]();
    }, OPEN_TIMEOUT_MS);

    const captured = () => made.stripe.money('USD').capturedMinor;

    test(
      'get one payment of the exact amount, whose money is taken once they have paid',
      async () => {
        const before = captured();
        const orderId = await made.buy();
        const { status, json } = await made.pay(orderId);
        expect(status).toBe(200);
        const order = await made.read(orderId);
        expect(json).toEqual({
          orderId,
          status: 'open',
          clientSecret: expect.stringMatching(/^pi_\w+_secret_\w+$/),
          publishableKey: 'pk_test_stand_in',
          amountMinor: AMOUNT,
          currency: 'USD',
          holdEndsAt: order.expiresAt,
        });
        expect((await made.pay(orderId, {})).json).toEqual(json);
        expect(made.intentsOf(orderId)).toMatchObject([
          { amount: AMOUNT, currency: 'usd', capture_method: 'manual', metadata: { orderId, attempt: '1' } },
        ]);
        expect(order).toMatchObject({ status: 'charging', payments: [{ attempt: 1, status: 'pending' }] });

        made.stripe.buyer.pay(json.clientSecret, 'pm_card_visa');
        await made.untilIt(orderId, 'paid');
        expect(await made.read(orderId)).toMatchObject({
          payments: [{ attempt: 1, status: 'captured', amountMinor: AMOUNT }],
        });
        expect(captured() - before).toBe(AMOUNT);
        const again = await made.pay(orderId);
        expect([again.status, again.json.code]).toEqual([409, 'order_paid']);
      },
      TIMEOUT_MS,
    );

    test(
      'are found to have paid without one event',
      async () => {
        made.stripe.webhooks.add({ how: 'drop' });
        const orderId = await made.buy();
        await made.payAtPage(orderId);
        await made.untilIt(orderId, 'paid');
      },
      TIMEOUT_MS,
    );

    test(
      'who open several pages at once get one payment',
      async () => {
        const orderId = await made.buy();
        const pages = await Promise.all([1, 2, 3, 4, 5].map(() => made.pay(orderId)));
        expect(new Set(pages.map(({ status, json }) => `${status} ${json.clientSecret}`)).size).toBe(1);
        expect(made.intentsOf(orderId)).toHaveLength(1);
        made.stripe.buyer.pay(pages[4]!.json.clientSecret, 'pm_card_visa');
        await made.untilIt(orderId, 'paid');
      },
      TIMEOUT_MS,
    );

    test(
      'who dispute a payment of which Stripe tells in vain are seen all the same',
      async () => {
        const orderId = await made.buy();
        const { latest_charge } = await made.payAtPage(orderId);
        await made.untilIt(orderId, 'paid');
        made.stripe.webhooks.add({ how: 'drop' });
        made.stripe.disputes.open(latest_charge as string);
        // Stripe is asked at the start, and every five minutes.
        await made.shop.restart();
        await eventually(async () => (await made.read(orderId)).payments[0].dispute === 'open');
      },
      TIMEOUT_MS,
    );

    test(
      'who have paid when the server is killed are found to have paid by the next one',
      async () => {
        made.stripe.webhooks.add({ how: 'drop' });
        const orderId = await made.buy();
        await made.payAtPage(orderId);
        await made.shop.server.kill();
        await made.shop.restart();
        await made.untilIt(orderId, 'paid');
      },
      TIMEOUT_MS,
    );

    test(
      'are not asked to pay in a rehearsal, of which Stripe never hears',
      async () => {
        const before = made.stripe.company.intents.size;
        const { productId } = (await made.sell({ currency: 'XTS' })).json;
        const orderId = await made.buy(productId);
        const refused = await made.pay(orderId);
        expect([refused.status, refused.json.code]).toEqual([409, 'payment_not_needed']);
        await made.untilIt(orderId, 'paid');
        expect(made.stripe.company.intents.size).toBe(before);
      },
      TIMEOUT_MS,
    );

    test(
      'may let the server confirm what their page has collected, another card after a declined one',
      async () => {
        const orderId = await made.buy();
        const token = (card: string) => ({
          confirmationToken: made.stripe.buyer.createConfirmationToken(card).id,
          returnUrl: BACK,
        });
        const declined = await made.pay(orderId, token('pm_card_visa_chargeDeclined'));
        expect([declined.status, declined.json.code, declined.json.message]).toEqual([
          409,
          'payment_declined',
          'Your card was declined.',
        ]);
        expect((await made.read(orderId)).status).toBe('charging');
        const twice = token('pm_card_visa_chargeDeclined');
        await made.pay(orderId, twice);
        const elsewhere = await made.pay(orderId, { ...twice, returnUrl: `${BACK}/elsewhere` });
        expect([elsewhere.status, elsewhere.json.message]).toEqual([
          409,
          'The confirmation token has already been used.',
        ]);
        expect((await made.pay(orderId, token('pm_card_visa'))).json.status).toBe('authorised');
        await made.untilIt(orderId, 'paid');
        expect(made.intentsOf(orderId)).toHaveLength(1);
      },
      TIMEOUT_MS,
    );

    test(
      'who have to prove something first keep their units meanwhile',
      async () => {
        const orderId = await made.buy();
        const { id } = await made.payAtPage(orderId, 'pm_card_authenticationRequired');
        const asked = (await made.pay(orderId)).json;
        expect(asked.status).toBe('action');
        const looks = made.stripe.calls('GET /v1/payment_intents/:id');
        await eventually(() => made.stripe.calls('GET /v1/payment_intents/:id') > looks);
        expect((await made.read(orderId)).status).toBe('charging');
        made.stripe.buyer.authenticate(id, true);
        await made.untilIt(orderId, 'paid');
      },
      TIMEOUT_MS,
    );

    test(
      'who do not pay in time pay nothing afterwards, and their units come back when that is sure',
      async () => {
        const { productId } = (await made.sell({ holdSeconds: 1, units: 1 })).json;
        const orderId = await made.buy(productId);
        made.stripe.faults.add({
          kind: 'error_before',
          route: 'POST /v1/payment_intents/:id/cancel',
          times: 2,
        });
        const { clientSecret } = (await made.pay(orderId)).json;
        await made.untilIt(orderId, 'expired');
        expect(made.intentsOf(orderId)).toMatchObject([{ status: 'canceled' }]);
        expect(made.stripe.calls('POST /v1/payment_intents/:id/cancel')).toBeGreaterThan(2);
        await eventually(async () => (await made.free(productId)) === 1);
        expect(made.stripe.buyer.pay(clientSecret, 'pm_card_visa')).toHaveProperty('error');
        const late = await made.pay(orderId);
        expect([late.status, late.json.code]).toEqual([409, 'order_expired']);
      },
      TIMEOUT_MS,
    );

    test(
      'who never came to the payment are no matter of Stripe, and their hold ends',
      async () => {
        const { productId } = (await made.sell({ holdSeconds: 1, units: 1 })).json;
        const before = made.stripe.company.intents.size;
        const orderId = await made.buy(productId);
        await made.untilIt(orderId, 'expired');
        expect(made.stripe.company.intents.size).toBe(before);
        expect((await made.read(orderId)).payments).toEqual([]);
      },
      TIMEOUT_MS,
    );

    test(
      'may cancel while they could still pay, and cannot pay then',
      async () => {
        const { productId } = (await made.sell({ units: 1 })).json;
        const orderId = await made.buy(productId);
        const { clientSecret } = (await made.pay(orderId)).json;
        const cancelled = await made.shop.call('POST', `/api/v1/orders/${orderId}/cancel`);
        expect([cancelled.status, cancelled.json.status]).toEqual([200, 'cancelled']);
        await eventually(async () => (await made.free(productId)) === 1);
        expect(made.intentsOf(orderId)).toMatchObject([{ status: 'canceled' }]);
        expect(made.stripe.buyer.pay(clientSecret, 'pm_card_visa')).toHaveProperty('error');
        expect((await made.pay(orderId)).json.code).toBe('order_cancelled');
      },
      TIMEOUT_MS,
    );

    test(
      'who have paid already cannot cancel',
      async () => {
        const orderId = await made.buy();
        const { id } = await made.payAtPage(orderId);
        // The server may have captured it before.
        await made.stripe
          .client()
          .paymentIntents.capture(id)
          .catch(() => {});
        const refused = await made.shop.call('POST', `/api/v1/orders/${orderId}/cancel`);
        expect([refused.status, refused.json.code]).toEqual([
          409,
          expect.stringMatching(/^order_(paid|charging)$/),
        ]);
        await made.untilIt(orderId, 'paid');
      },
      TIMEOUT_MS,
    );

    test(
      'get their money back at Stripe, once',
      async () => {
        const orderId = await made.buy();
        await made.payAtPage(orderId);
        await made.untilIt(orderId, 'paid');
        const before = made.stripe.money('USD').refundedMinor;
        made.stripe.faults.add({ kind: 'cut_after', route: 'POST /v1/refunds', times: 2 });
        const body = { reason: 'for the test' };
        expect((await made.shop.call('POST', `/api/v1/orders/${orderId}/refund`, { body })).status).toBe(202);
        await made.untilIt(orderId, 'refunded');
        expect(made.stripe.money('USD').refundedMinor - before).toBe(AMOUNT);
      },
      TIMEOUT_MS,
    );

    test(
      'whose money comes when the order is over get it back, or their units',
      async () => {
        const { productId } = (await made.sell({ holdSeconds: 1, units: 1 })).json;
        const orderIds = [await made.buy(productId)];
        await made.pay(orderIds[0]!);
        await made.untilIt(orderIds[0]!, 'expired');
        orderIds.push(await made.buy(productId));
        await made.pay(orderIds[1]!);
        await made.untilIt(orderIds[1]!, 'expired');
        // Stripe errs: it has confirmed that it would take no money.
        made.stripe.webhooks.add({ how: 'drop', type: 'payment_intent.amount_capturable_updated' });
        for (const [i, status] of ['paid', 'refunded'].entries()) {
          const [intent] = made.intentsOf(orderIds[i]!);
          intent!.status = 'requires_payment_method';
          made.stripe.buyer.pay(intent!.client_secret!, 'pm_card_visa');
          await made.stripe.client().paymentIntents.capture(intent!.id);
          await made.untilIt(orderIds[i]!, status);
        }
        await eventually(async () => (await made.free(productId)) === 0);
      },
      TIMEOUT_MS,
    );

    test(
      'who dispute a payment, and a refund that fails later, are seen in the order',
      async () => {
        const disputed = await made.buy();
        const { latest_charge } = await made.payAtPage(disputed);
        await made.untilIt(disputed, 'paid');
        made.stripe.faults.add({ kind: 'error_before', route: 'GET /v1/disputes/:id', times: 1 });
        const { id } = made.stripe.disputes.open(latest_charge as string);
        const disputeOf = async () => (await made.read(disputed)).payments[0].dispute;
        await eventually(async () => (await disputeOf()) === 'open');
        made.stripe.disputes.close(id, 'won');
        await eventually(async () => (await disputeOf()) === 'won');
        const pageOf = async (orderId: string) => (await made.shop.get(`/o/${orderId}`)).text;
        expect(await pageOf(disputed)).toContain(ORDER.dispute.won);

        const refunded = await made.buy();
        await made.payAtPage(refunded, 'pm_card_refundFail');
        await made.untilIt(refunded, 'paid');
        const body = { reason: 'for the test' };
        await made.shop.call('POST', `/api/v1/orders/${refunded}/refund`, { body });
        await made.untilIt(refunded, 'refunded');
        made.stripe.advance(120_000);
        await eventually(async () => (await made.read(refunded)).payments[0].refundFailed === true);
        expect((await made.read(refunded)).status).toBe('refunded');
        expect(await pageOf(refunded)).toContain(ORDER.refundFailed);
      },
      TIMEOUT_MS,
    );

    test(
      'hear that an amount cannot be paid which Stripe refuses, and its units come back',
      async () => {
        const { productId } = (await made.sell({ holdSeconds: 1, units: 1, currency: 'KRW', priceMinor: 10 }))
          .json;
        const orderId = await made.buy(productId);
        const { status, json } = await made.pay(orderId);
        expect([status, json.code]).toEqual([409, 'payment_declined']);
        await made.untilIt(orderId, 'expired');
        expect(await made.free(productId)).toBe(1);
      },
      TIMEOUT_MS,
    );

    describe('an event', () => {
      const send = (body: string, signature: string) =>
        made.shop.call('POST', EVENTS_PATH, { body, headers: { 'Stripe-Signature': signature } });
      const signed = (payload: string, secret = WEBHOOK_SECRET, agoS = 0) =>
        made.stripe.client().webhooks.generateTestHeaderStringAsync({
          payload,
          secret,
          timestamp: Math.floor(Date.now() / 1_000) - agoS,
        });
      const about = (object: Partial<Stripe.PaymentIntent>, id = `evt_${crypto.randomUUID()}`) =>
        JSON.stringify({ id, object: 'event', type: 'payment_intent.succeeded', data: { object } });

      test(
        'twice, before its answer, in any order or days late pays an order once',
        async () => {
          const before = captured();
          for (const how of ['double', 'before_answer', 'hold'] as const) {
            made.stripe.webhooks.clear();
            made.stripe.webhooks.add({ how });
            const orderId = await made.buy();
            await made.payAtPage(orderId);
            await made.untilIt(orderId, 'paid');
            await made.stripe.webhooks.release({ reversed: true });
          }
          await made.stripe.webhooks.idle();
          expect(captured() - before).toBe(3 * AMOUNT);
        },
        TIMEOUT_MS,
      );

      test(
        'that Stripe has not signed, or signed long ago, is refused and believed in nothing',
        async () => {
          const orderId = await made.buy();
          await made.pay(orderId);
          const [intent] = made.intentsOf(orderId);
          const body = about({ ...intent!, status: 'succeeded' });
          for (const signature of [
            await signed(body, 'whsec_of_somebody_else'),
            await signed(body, WEBHOOK_SECRET, 301),
            't=1,v1=00',
            '',
          ]) {
            const { status, json } = await send(body, signature);
            expect([status, json.code, json.field]).toEqual([400, 'invalid_request', 'Stripe-Signature']);
          }
          expect((await send('x'.repeat(256 * 1024 + 1), '')).status).toBe(413);
          expect((await made.read(orderId)).status).toBe('charging');
        },
        TIMEOUT_MS,
      );

      test(
        'that says more than Stripe has on its books is believed in nothing but what it is about',
        async () => {
          const orderId = await made.buy();
          await made.pay(orderId);
          const [intent] = made.intentsOf(orderId);
          const looks = made.stripe.calls('GET /v1/payment_intents/:id');
          const body = about({ ...intent!, status: 'succeeded', amount_received: AMOUNT });
          expect((await send(body, await signed(body))).status).toBe(200);
          await eventually(() => made.stripe.calls('GET /v1/payment_intents/:id') > looks);
          expect((await made.read(orderId)).status).toBe('charging');
        },
        TIMEOUT_MS,
      );

      test(
        'about a payment that somebody has changed at Stripe keeps no other event waiting',
        async () => {
          const { productId } = (await made.sell({ holdSeconds: 1, units: 1 })).json;
          const orderId = await made.buy(productId);
          await made.pay(orderId);
          await made.untilIt(orderId, 'expired');
          const [changed] = made.intentsOf(orderId);
          changed!.amount++;
          const looks = made.stripe.calls('GET /v1/payment_intents/:id');
          const body = about(changed!);
          expect((await send(body, await signed(body))).status).toBe(200);
          await eventually(() => made.stripe.calls('GET /v1/payment_intents/:id') > looks);

          const disputed = await made.buy();
          const { latest_charge } = await made.payAtPage(disputed);
          await made.untilIt(disputed, 'paid');
          made.stripe.disputes.open(latest_charge as string);
          await eventually(async () => (await made.read(disputed)).payments[0].dispute === 'open');
        },
        TIMEOUT_MS,
      );

      test(
        'of an unknown order, or of somebody else, is taken and changes nothing',
        async () => {
          const stranger = { id: 'pi_none', metadata: { orderId: crypto.randomUUID(), attempt: '1' } };
          for (const object of [stranger, { id: 'pi_of_others', metadata: {} }]) {
            const body = about(object);
            expect((await send(body, await signed(body))).status).toBe(200);
            expect((await send(body, await signed(body))).json).toEqual({ received: true });
          }
        },
        TIMEOUT_MS,
      );
    });

    test(
      'find nothing to pay for a price that Stripe cannot take, because no product has one',
      async () => {
        for (const [price, says] of [
          [{ priceMinor: 49 }, 'no less than 50'],
          [{ priceMinor: 1_001, currency: 'KWD' }, 'multiples of 10'],
          [{ priceMinor: 100_000_000 }, 'no more than'],
        ] as const) {
          const { status, json } = await made.sell(price);
          expect([status, json.code, json.field]).toEqual([400, 'invalid_request', 'priceMinor']);
          expect(json.message).toContain(says);
        }
        const { status, json } = await made.sell({ priceMinor: 1_010, currency: 'KWD' });
        expect(status).toBe(201);
        const body = { priceMinor: 1_011, reason: 'for the test' };
        const changed = await made.shop.call('PATCH', `/api/v1/products/${json.productId}`, { body });
        expect([changed.status, changed.json.field]).toEqual([400, 'priceMinor']);
        expect((await made.sell({ priceMinor: 100, currency: 'XTS' })).status).toBe(201);
      },
      TIMEOUT_MS,
    );

    test(
      'are told what is wrong with what they send',
      async () => {
        const orderId = await made.buy();
        for (const [body, field] of [
          [{ confirmationToken: '4242424242424242' }, 'confirmationToken'],
          [{ returnUrl: 'javascript:alert(1)' }, 'returnUrl'],
          [{ paymentMethod: 'pm_card_visa' }, 'paymentMethod'],
          [{ amountMinor: 1 }, 'amountMinor'],
        ] as const) {
          const { status, json } = await made.pay(orderId, body);
          expect([status, json.code, json.field]).toEqual([400, 'invalid_request', field]);
        }
        expect((await made.pay('01a2040e-e549-70c2-8a78-490084e26084')).status).toBe(404);
        expect(made.intentsOf(orderId)).toEqual([]);
      },
      TIMEOUT_MS,
    );

    test(
      'whose means of paying the shop has saved need not be there',
      async () => {
        const orderId = await made.buy();
        const charge = (body: object, headers = {}) =>
          made.shop.call('POST', `/api/v1/orders/${orderId}/charge`, { body, headers });
        const saved = { paymentMethod: 'pm_card_visa', returnUrl: BACK, reason: 'a subscription' };
        expect((await charge(saved, { Authorization: '' })).status).toBe(401);
        expect((await charge({ ...saved, paymentMethod: '4242' })).json.field).toBe('paymentMethod');
        // Stripe takes no such payment, and says so in words for developers.
        expect((await charge({ ...saved, returnUrl: undefined })).json.field).toBe('returnUrl');
        expect((await charge({ ...saved, paymentMethod: 'pm_none' })).json.code).toBe('payment_declined');
        expect((await charge(saved, { 'X-Operator': 'shop' })).json.status).toBe('authorised');
        await made.untilIt(orderId, 'paid');
        const { operations } = (await made.shop.get('/api/v1/ops/log')).json;
        expect(operations[0]).toMatchObject({
          actor: 'shop',
          action: 'order.charge',
          subject: `order/${orderId}`,
        });
      },
      TIMEOUT_MS,
    );

    test('are served by a server whose doctor says that Stripe takes no money yet', async () => {
      const { findings } = (await made.shop.get('/api/v1/ops/doctor')).json;
      expect(findings).toContainEqual(expect.objectContaining({ name: 'Stripe', state: 'note' }));
    });

    test('and their secrets, cards and ours are in no log and in no order', async () => {
      const orderId = await made.buy(1, '4242 4242 4242 4242');
      await made.pay(orderId, { confirmationToken: '4242424242424242' });
      await made.pay(orderId, { confirmationToken: 'ctoken_4242424242424242', returnUrl: BACK });
      const { clientSecret } = (await made.pay(orderId)).json;
      const log = made.shop.server.log() + made.shop.server.messages();
      expect(log).toContain('/payment');
      const order = JSON.stringify(await made.read(orderId));
      for (const secret of [clientSecret, made.stripe.secretKey, WEBHOOK_SECRET, '4242424242424242'])
        expect([secret, log.includes(secret), order.includes(secret)]).toEqual([secret, false, false]);
    });
  });
}
