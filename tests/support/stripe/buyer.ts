import type Stripe from 'stripe';
import { type Company, find } from './company.ts';
import type { Intents } from './intents.ts';
import { newConfirmationToken } from './objects.ts';
import { StripeRefusal } from './refusals.ts';

/** The buyer's side, as Stripe.js in a browser plays it: there is no secret key, only an intent's client secret. */
export interface Buyer {
  /** Confirms the intent of this secret. A refusal is a value, as it is with Stripe.js. */
  pay(
    clientSecret: string,
    paymentMethod: string,
    options?: { readonly returnUrl?: string },
  ): { readonly paymentIntent: Stripe.PaymentIntent } | { readonly error: StripeRefusal['error'] };
  /** A token of what the buyer entered, which the server confirms an intent with; for one intent, within 12 hours. */
  createConfirmationToken(
    paymentMethod: string,
    options?: { readonly returnUrl?: string },
  ): Stripe.ConfirmationToken;
  /** The buyer passes or fails 3-D Secure; null where the intent asks for nothing. */
  authenticate(intentId: string, isPassed: boolean): Stripe.PaymentIntent | null;
}

export function createBuyer(company: Company, intents: Intents): Buyer {
  return {
    pay(clientSecret, paymentMethod, { returnUrl } = {}) {
      try {
        const id = /^(pi_\w+)_secret_\w+$/.exec(clientSecret)?.[1] ?? '';
        const intent = company.intents.get(id);
        if (intent?.client_secret !== clientSecret) throw wrongSecret();
        const form = {
          payment_method: paymentMethod,
          return_url: returnUrl ?? 'https://shop.example/return',
        };
        return { paymentIntent: structuredClone(intents.confirm(id, form)) };
      } catch (error) {
        if (error instanceof StripeRefusal) return { error: error.error };
        throw error;
      }
    },

    createConfirmationToken(paymentMethod, { returnUrl } = {}) {
      const card = find(company.cards, 'PaymentMethod', paymentMethod, 'payment_method', 400);
      const token = newConfirmationToken(card, company.now(), returnUrl ?? null);
      company.tokens.set(token.id, token);
      company.cards.set(token.id, card);
      return token;
    },

    authenticate: intents.authenticate,
  };
}

function wrongSecret() {
  const message = 'The client_secret provided does not match any associated PaymentIntent on this account.';
  return new StripeRefusal(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_invalid_parameter',
    message,
  });
}
