import { expect, test } from 'bun:test';
import { randomFrom } from '../../src/lib/random.ts';
import { runPulsecart } from '../support/command.ts';
import { eventually, type Shop } from '../support/shop.ts';
import { openStripeShop, type StripeShop, stripeSettings } from '../support/stripe-shop.ts';

/** A crowd that pays at Stripe on Stripe's worst day: afterwards every order has ended, and the money is where both books say. */

const BUYERS = 200;
const UNITS = 150;
const HOLD_SECONDS = 12;
const AMOUNT = 1_000;
const TIMEOUT_MS = 180_000;
const TRIES_MAX = 80;
/** Seconds that stand for an hour: calls are given up after half a second here, and leases after two. */
const OUTAGE_MS = 2_000;
const LATE_MS = 700;
const ENDED = ['paid', 'expired', 'declined', 'cancelled', 'refunded'];

export function describeStripeCrowd(
  openShop: (env: Record<string, string>) => Promise<Shop>,
  seed: number,
  booksOf: (shop: Shop) => { readonly args: readonly string[]; readonly env: Record<string, string> },
): void {
  test(
    'a crowd pays at Stripe while Stripe fails in every way, and no money is lost or taken for nothing',
    async () => {
      const random = randomFrom(seed);
      await using made = await openStripeShop(openShop, {
        seed,
        env: { PULSECART_PAYMENT_LEASE_MS: '2000' },
      });
      const { shop, stripe } = made;
      const { productId } = (await made.sell({ units: UNITS, holdSeconds: HOLD_SECONDS, priceMinor: AMOUNT }))
        .json;
      const { faults, webhooks } = stripe;
      for (const [kind, share] of [
        ['slow', 0.03],
        ['slow_answer', 0.03],
        ['rate_limit', 0.05],
        ['lock_timeout', 0.02],
        ['error_before', 0.03],
        ['error_after', 0.03],
        ['cut_before', 0.03],
        ['cut_after', 0.03],
      ] as const)
        faults.add({ kind, share, ms: LATE_MS });
      for (const how of ['double', 'drop', 'before_answer', 'hold', 'wrong_signature'] as const)
        webhooks.add({ how, times: 40 });

      const outage = (async () => {
        await eventually(() => stripe.calls('POST /v1/payment_intents') > BUYERS / 4);
        await stripe.setOutage(true);
        await Bun.sleep(OUTAGE_MS);
        await stripe.setOutage(false);
      })();
      const orderIds = (
        await Promise.all(
          Array.from({ length: BUYERS }, (_, i) => buyAndPay(made, productId, `buyer-${i}`, random())),
        )
      ).flat();
      await outage;
      expect(orderIds.length).toBeGreaterThanOrEqual(UNITS);

      faults.clear();
      await webhooks.release({ reversed: true });
      webhooks.clear();
      const statuses = new Map<string, string>();
      await eventually(async () => {
        for (const id of orderIds) {
          if (!ENDED.includes(statuses.get(id)!)) statuses.set(id, (await made.read(id)).status);
        }
        return [...statuses.values()].every((status) => ENDED.includes(status));
      });
      await webhooks.idle();

      const paid = orderIds.filter((id) => statuses.get(id) === 'paid');
      expect(paid.length).toBeGreaterThan(UNITS / 3);
      expect(new Set(statuses.values()).size).toBeGreaterThan(2);
      const { capturedMinor, refundedMinor } = stripe.money('USD');
      expect(capturedMinor - refundedMinor).toBe(paid.length * AMOUNT);
      await eventually(async () => (await made.free(productId)) === UNITS - paid.length);
      // Nothing at Stripe can take money any more.
      for (const { status } of stripe.company.intents.values())
        expect(status).toBeOneOf(['succeeded', 'canceled', 'requires_payment_method']);
      expect((await shop.readBooks()).breaches).toEqual([]);

      const { args, env } = booksOf(shop);
      const toMs = Date.now() + 60_000;
      const span = ['--from', new Date(toMs - 600_000).toISOString(), '--to', new Date(toMs).toISOString()];
      const reconcile = () =>
        runPulsecart(['payments', 'reconcile', ...span, '--json', ...args], {
          ...stripeSettings(stripe),
          ...env,
        });
      const same = await reconcile();
      expect(JSON.parse(same.stdout)).toMatchObject({ pass: true, differences: [] });
      expect([same.exit, same.stderr]).toEqual([0, '']);

      // Somebody refunds at Stripe, past us.
      const [intent] = made.intentsOf(paid[0]!).filter(({ status }) => status === 'succeeded');
      await stripe.client().refunds.create({ payment_intent: intent!.id });
      const other = await reconcile();
      expect(JSON.parse(other.stdout)).toMatchObject({
        pass: false,
        differences: [{ kind: 'not_refunded_here', orderId: paid[0], attempt: 1, providerId: intent!.id }],
      });
      expect(other.exit).toBe(1);
    },
    TIMEOUT_MS,
  );
}

/** What one buyer does, by a number from 0 to 1: most pay, some cancel, some never come back. */
async function buyAndPay(
  made: StripeShop,
  productId: number,
  userId: string,
  mood: number,
): Promise<string[]> {
  const { status, json } = await made.shop.buy('sync', { productId, quantity: 1, userId });
  if (status !== 200) return [];
  const { orderId } = json;
  if (mood < 0.1) return [orderId];
  const opened = await insist(() => made.pay(orderId));
  if (opened.status !== 200 || mood < 0.2) return [orderId];
  if (mood < 0.3) {
    await insist(() => made.shop.call('POST', `/api/v1/orders/${orderId}/cancel`, { body: { userId } }));
  } else if (mood < 0.4) {
    const { id } = made.stripe.buyer.createConfirmationToken('pm_card_visa');
    await insist(() => made.pay(orderId, { confirmationToken: id, returnUrl: 'https://shop.example/back' }));
  } else if (mood < 0.5) {
    const asked = made.stripe.buyer.pay(opened.json.clientSecret, 'pm_card_authenticationRequired');
    if ('paymentIntent' in asked) made.stripe.buyer.authenticate(asked.paymentIntent.id, mood < 0.48);
  } else {
    if (mood < 0.6) made.stripe.buyer.pay(opened.json.clientSecret, 'pm_card_visa_chargeDeclined');
    made.stripe.buyer.pay(opened.json.clientSecret, 'pm_card_visa');
  }
  return [orderId];
}

/** Asks again while the answer says that it may be asked again. */
async function insist(ask: () => ReturnType<StripeShop['pay']>): ReturnType<StripeShop['pay']> {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    if (answer.status !== 503 || tries === TRIES_MAX) return answer;
    await Bun.sleep(100);
  }
}
