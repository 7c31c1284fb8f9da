import type Stripe from 'stripe';
import type { Answer } from './caller.ts';
import { eventually, type Shop } from './shop.ts';
import { type StripeStandIn, startStripe } from './stripe/stand-in.ts';

export const WEBHOOK_SECRET = 'whsec_0123456789abcdef';
export const EVENTS_PATH = '/api/v1/payments/events';

/** A server whose buyers pay at a stand-in for Stripe, which tells it of events. `await using` ends both. */
export interface StripeShop extends AsyncDisposable {
  readonly shop: Shop;
  readonly stripe: StripeStandIn;
  buy(productId?: number, userId?: string): Promise<string>;
  pay(orderId: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  read(orderId: string): ReturnType<typeof JSON.parse>;
  untilIt(orderId: string, status: string): Promise<void>;
  /** The intents of an order, by its attempts. */
  intentsOf(orderId: string): Stripe.PaymentIntent[];
  /** The buyer opens the payment page and pays there. */
  payAtPage(orderId: string, card?: string): Promise<Stripe.PaymentIntent>;
  free(productId?: number): Promise<number>;
  /** Puts a product on sale; answers its id. */
  sell(product: {
    holdSeconds?: number;
    units?: number;
    currency?: string;
    priceMinor?: number;
  }): Promise<Answer>;
}

/** Calls are given up soon, and a lease ends soon: what nobody tells of is found within a second or two. */
export function stripeSettings(stripe: StripeStandIn): Record<string, string> {
  return {
    PULSECART_PAYMENT_PROVIDER: 'stripe',
    PULSECART_STRIPE_SECRET_KEY: stripe.secretKey,
    PULSECART_STRIPE_PUBLISHABLE_KEY: 'pk_test_stand_in',
    PULSECART_STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
    PULSECART_STRIPE_URL: `http://${stripe.host}:${stripe.port}`,
    PULSECART_STRIPE_TIMEOUT_MS: '500',
    PULSECART_PAYMENT_LEASE_MS: '1000',
  };
}

export async function openStripeShop(
  openShop: (env: Record<string, string>) => Promise<Shop>,
  { env = {}, seed = 1 }: { readonly env?: Record<string, string>; readonly seed?: number } = {},
): Promise<StripeShop> {
  const stripe = await startStripe({ seed });
  const shop = await openShop({ ...stripeSettings(stripe), ...env }).catch(async (error) => {
    await stripe.close();
    throw error;
  });
  stripe.webhooks.connect(shop.url + EVENTS_PATH, WEBHOOK_SECRET);

  const pay: StripeShop['pay'] = (orderId, body, headers = {}) =>
    shop.call('POST', `/api/v1/orders/${orderId}/payment`, { ...(body !== undefined && { body }), headers });
  const read = async (orderId: string) => (await shop.get(`/api/v1/orders/${orderId}`)).json;

  return {
    shop,
    stripe,
    pay,
    read,
    async buy(productId = 1, userId) {
      const { status, json } = await shop.buy('sync', { productId, quantity: 1, userId });
      if (status !== 200) throw new Error(`a purchase was answered ${status}: ${JSON.stringify(json)}`);
      return json.orderId;
    },
    untilIt: (orderId, status) => eventually(async () => (await read(orderId)).status === status),
    intentsOf: (orderId) =>
      [...stripe.company.intents.values()]
        .filter(({ metadata }) => metadata.orderId === orderId)
        .toSorted((a, b) => Number(a.metadata.attempt) - Number(b.metadata.attempt)),
    async payAtPage(orderId, card = 'pm_card_visa') {
      const { status, text, json } = await pay(orderId);
      if (status !== 200) throw new Error(`a payment was answered ${status}: ${text}`);
      const paid = stripe.buyer.pay(json.clientSecret, card);
      if ('error' in paid) throw new Error(`the payment was refused: ${paid.error.message}`);
      return paid.paymentIntent;
    },
    free: async (productId = 1) => (await shop.get(`/api/v1/sync/stock/${productId}`)).json.stock,
    sell: (product) =>
      shop.call('POST', '/api/v1/products', {
        body: {
          name: 'Thing',
          priceMinor: 1_000,
          currency: 'USD',
          units: 10,
          reason: 'for the test',
          ...product,
        },
      }),
    async [Symbol.asyncDispose]() {
      await shop[Symbol.asyncDispose]();
      await stripe.close();
    },
  };
}
