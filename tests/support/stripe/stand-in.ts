import Stripe from 'stripe';
import { type Clock, systemClock } from '../../../src/domain/clock.ts';
import { type Buyer, createBuyer } from './buyer.ts';
import { type Company, createCompany, find } from './company.ts';
import { createDisputes } from './disputes.ts';
import { createFaults, type Faults } from './faults.ts';
import { createIdempotency } from './idempotency.ts';
import { createIntents } from './intents.ts';
import { createRefunds } from './refunds.ts';
import { createRoutes } from './routes.ts';
import { createApi } from './server.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

export interface StandInOptions {
  readonly secretKey?: string;
  /** The clock of the company; real time by default. `advance` puts it ahead. */
  readonly now?: Clock;
  /** Of faults with a share; the same seed and the same calls fail the same. */
  readonly seed?: number;
  /** The pause before an event is sent again. */
  readonly retryMs?: number;
}

/**
 * Stripe in memory, behind HTTP, for tests of what talks to it by Stripe's own client. `await using` ends it.
 *
 * Where Stripe's documents are silent, it assumes: an answer is kept under its idempotency key unless the parameters were wrong,
 * the key was in use or the call was limited; an intent with `allowed_payment_method_types` needs no `return_url`; a part that
 * was not captured counts as refunded. It has cards alone, no customers, and no fees; it keeps all until it is closed.
 */
export interface StripeStandIn extends AsyncDisposable {
  readonly secretKey: string;
  readonly host: string;
  readonly port: number;
  /** What Stripe has; tests read it, and change it through Stripe's API and by `buyer`. */
  readonly company: Company;
  readonly faults: Faults;
  readonly webhooks: Pick<Webhooks, 'add' | 'clear' | 'connect' | 'forge' | 'idle' | 'release'>;
  readonly buyer: Buyer;
  /** The buyer's bank takes the charge's money back; later it says for whom it decided. */
  readonly disputes: {
    open(chargeId: string): Stripe.Dispute;
    close(disputeId: string, status: 'won' | 'lost'): Stripe.Dispute;
  };
  /** Stripe's own client, pointed here. It does not retry unless the options say so. */
  client(options?: Stripe.StripeConfig): Stripe;
  /** Puts the clock ahead, and does what is due by then: authorizations that end, refunds that fail, disputes. */
  advance(ms: number): void;
  /** While set, connections are refused. */
  setOutage(isOut: boolean): Promise<void>;
  /** How often a route was called, cut calls and replays among them: `POST /v1/payment_intents`. */
  calls(route: string): number;
  /** What was captured and refunded, in minor units; failed refunds are not refunded. */
  money(currency: string): { readonly capturedMinor: number; readonly refundedMinor: number };
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const RETRY_MS_DEFAULT = 50;

export async function startStripe({
  secretKey = 'sk_test_stand_in',
  now = systemClock,
  seed = 1,
  retryMs = RETRY_MS_DEFAULT,
}: StandInOptions = {}): Promise<StripeStandIn> {
  if (!secretKey.startsWith('sk_test_'))
    throw new Error('secretKey: a stand-in takes keys of test mode alone, sk_test_…');
  let aheadMs = 0;
  const counts = new Map<string, number>();
  const webhooks = createWebhooks(() => company.now(), retryMs);
  const company = createCompany(() => now() + aheadMs, Stripe.API_VERSION, webhooks.take);
  const disputes = createDisputes(company);
  const intents = createIntents(company, disputes.open);
  const buyer = createBuyer(company, intents);
  const faults = createFaults(seed);
  const api = createApi({
    secretKey,
    apiVersion: Stripe.API_VERSION,
    company,
    routes: createRoutes({ company, intents, refunds: createRefunds(company), disputes, buyer }),
    idempotency: createIdempotency(company.now),
    faults,
    webhooks,
    onCall: (route) => void counts.set(route, (counts.get(route) ?? 0) + 1),
  });
  await api.open();

  /** Sends what the action has caused, as no call does that. */
  function thenSend<A extends unknown[], R>(action: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      company.passTime();
      try {
        return action(...args);
      } finally {
        webhooks.sendAll();
      }
    };
  }

  async function close(): Promise<void> {
    webhooks.close();
    await api.close();
  }

  return {
    secretKey,
    host: HOST,
    port: api.port,
    company,
    faults,
    webhooks,
    buyer: {
      pay: thenSend(buyer.pay),
      createConfirmationToken: buyer.createConfirmationToken,
      authenticate: thenSend(buyer.authenticate),
    },
    disputes: {
      open: thenSend((chargeId) => disputes.open(find(company.charges, 'charge', chargeId, 'charge'))),
      close: thenSend(disputes.close),
    },
    client: (options) =>
      new Stripe(secretKey, {
        host: HOST,
        port: api.port,
        protocol: 'http',
        maxNetworkRetries: 0,
        telemetry: false,
        ...options,
      }),
    advance(ms) {
      aheadMs += ms;
      company.passTime();
      webhooks.sendAll();
    },
    setOutage: (isOut) => (isOut ? api.close() : api.open()),
    calls: (route) => counts.get(route) ?? 0,
    money(currency) {
      const of = <T extends { currency: string }>(all: Map<string, T>) =>
        [...all.values()].filter((one) => one.currency === currency.toLowerCase());
      return {
        capturedMinor: of(company.charges).reduce((sum, charge) => sum + charge.amount_captured, 0),
        refundedMinor: of(company.refunds)
          .filter(({ status }) => status !== 'failed')
          .reduce((sum, { amount }) => sum + amount, 0),
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
