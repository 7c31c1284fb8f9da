import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import Stripe from 'stripe';
import { until } from '../until.ts';
import { failureOf } from './failure.ts';
import { type StripeStandIn, startStripe } from './stand-in.ts';

let standIn: StripeStandIn;
let stripe: Stripe;

beforeEach(async () => {
  standIn = await startStripe();
  stripe = standIn.client();
});
afterEach(() => standIn.close());

const route = 'POST /v1/payment_intents';
const pay = {
  amount: 1_000,
  currency: 'usd',
  allowed_payment_method_types: ['card'],
  confirm: true,
  payment_method: 'pm_card_visa',
};

describe('an idempotency key', () => {
  const key = { idempotencyKey: 'order-1:1' };

  test('gets the first answer again, and charges once', async () => {
    const first = await stripe.paymentIntents.create(pay, key);
    expect(isReplay(first)).toBe(false);
    const again = await stripe.paymentIntents.create(pay, key);
    expect(again.id).toBe(first.id);
    expect(isReplay(again)).toBe(true);
    expect(charged()).toBe(1_000);
  });

  test('gets a declined card again, too', async () => {
    const declined = { ...pay, payment_method: 'pm_card_visa_chargeDeclined' };
    await failureOf(stripe.paymentIntents.create(declined, key));
    const again = await failureOf(stripe.paymentIntents.create(declined, key));
    expect(again.code).toBe('card_declined');
    expect(standIn.company.intents.size).toBe(1);
  });

  test('with other parameters is refused', async () => {
    await stripe.paymentIntents.create(pay, key);
    const other = await failureOf(stripe.paymentIntents.create({ ...pay, amount: 999 }, key));
    expect(other).toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    expect(other.statusCode).toBe(400);
  });

  test('of a call that is under way is refused with 409', async () => {
    standIn.faults.add({ kind: 'slow', ms: 60_000, times: 1 });
    const first = stripe.paymentIntents.create(pay, key).catch(() => null);
    await until(() => standIn.calls(route) === 1);
    const second = await failureOf(stripe.paymentIntents.create(pay, key));
    expect(second).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    await standIn.close();
    await first;
  });

  test('is forgotten after 24 hours, and charges again', async () => {
    await stripe.paymentIntents.create(pay, key);
    standIn.advance(24 * 3_600_000 - 1_000);
    await stripe.paymentIntents.create(pay, key);
    expect(charged()).toBe(1_000);
    standIn.advance(1_000);
    await stripe.paymentIntents.create(pay, key);
    expect(charged()).toBe(2_000);
  });

  test('is not used up by what was refused before anything was done', async () => {
    await failureOf(stripe.paymentIntents.create({ ...pay, amount: 1 }, key));
    standIn.faults.add({ kind: 'rate_limit', times: 1 });
    await failureOf(stripe.paymentIntents.create(pay, key));
    expect((await stripe.paymentIntents.create(pay, key)).status).toBe('succeeded');
  });
});

describe('a call', () => {
  test('that is limited is refused with 429, and charges nothing', async () => {
    standIn.faults.add({ kind: 'rate_limit', retryAfterSeconds: 2, times: 1 });
    standIn.faults.add({ kind: 'lock_timeout', times: 1 });
    const limited = await failureOf(stripe.paymentIntents.create(pay));
    expect(limited).toBeInstanceOf(Stripe.errors.StripeRateLimitError);
    expect([limited.code, limited.headers?.['retry-after']]).toEqual(['rate_limit', '2']);
    expect((await failureOf(stripe.paymentIntents.create(pay))).code).toBe('lock_timeout');
    expect(charged()).toBe(0);
  });

  test.each([
    ['error_before', 0],
    ['error_after', 1_000],
  ] as const)('that ends in a 500 (%s) has charged %d, and says the same again', async (kind, minor) => {
    standIn.faults.add({ kind, times: 1 });
    const key = { idempotencyKey: kind };
    for (let i = 0; i < 2; i++)
      expect(await failureOf(stripe.paymentIntents.create(pay, key))).toMatchObject({ statusCode: 500 });
    expect(charged()).toBe(minor);
  });

  test.each([
    ['cut_before', 0],
    ['cut_after', 1_000],
  ] as const)(
    'that is cut off (%s) has charged %d, and is answered when it is sent again',
    async (kind, minor) => {
      // Stripe's client sends a cut call again by itself, once, also where retries are off.
      standIn.faults.add({ kind, times: 2 });
      const key = { idempotencyKey: kind };
      const cut = await failureOf(stripe.paymentIntents.create(pay, key));
      expect(cut).toBeInstanceOf(Stripe.errors.StripeConnectionError);
      expect([standIn.calls(route), charged()]).toEqual([2, minor]);
      expect((await stripe.paymentIntents.create(pay, key)).status).toBe('succeeded');
      expect(charged()).toBe(1_000);
    },
  );

  test.each([
    ['slow', 0],
    ['slow_answer', 1_000],
  ] as const)('that is late (%s) is given up by the client, with %d charged by then', async (kind, minor) => {
    standIn.faults.add({ kind, times: 1 });
    const late = await failureOf(stripe.paymentIntents.create(pay, { timeout: 100 }));
    expect(late.message).toContain('timeout');
    expect(charged()).toBe(minor);
  });

  test('of another route has no fault', async () => {
    standIn.faults.add({ kind: 'error_before', route: 'POST /v1/refunds' });
    const { id } = await stripe.paymentIntents.create(pay);
    expect((await failureOf(stripe.refunds.create({ payment_intent: id }))).statusCode).toBe(500);
    standIn.faults.clear();
    expect((await stripe.refunds.create({ payment_intent: id })).status).toBe('succeeded');
  });

  test('is refused during an outage, and answered on the same port afterwards', async () => {
    await standIn.setOutage(true);
    const refused = await failureOf(stripe.paymentIntents.create(pay));
    expect(refused).toBeInstanceOf(Stripe.errors.StripeConnectionError);
    await standIn.setOutage(false);
    expect((await stripe.paymentIntents.create(pay)).status).toBe('succeeded');
    expect(charged()).toBe(1_000);
  });
});

test('faults of a share are the same for the same seed', async () => {
  const draws = async (seed: number) => {
    await using own = await startStripe({ seed });
    own.faults.add({ kind: 'rate_limit', share: 0.5 });
    const client = own.client();
    const all: boolean[] = [];
    for (let i = 0; i < 20; i++)
      all.push(
        await client.events.list().then(
          () => true,
          () => false,
        ),
      );
    return all;
  };
  const [one, same, other] = [await draws(1), await draws(1), await draws(2)];
  expect(one).toEqual(same);
  expect(one).not.toEqual(other);
  expect(new Set(one).size).toBe(2);
});

function charged(): number {
  return standIn.money('USD').capturedMinor;
}

/** In Bun, what Stripe's client calls the last response is one of fetch. */
function isReplay({ lastResponse }: Stripe.Response<unknown>): boolean {
  return new Headers(lastResponse.headers).get('idempotent-replayed') === 'true';
}
