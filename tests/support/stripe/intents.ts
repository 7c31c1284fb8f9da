import type Stripe from 'stripe';
import type { TestCard } from './cards.ts';
import { type Company, checkedCurrency, find, latestCharge } from './company.ts';
import type { Form } from './form.ts';
import { newCharge, newId, newIntent, newPaymentMethod } from './objects.ts';
import { type Range, readParams, required, type Spec, type Values } from './params.ts';
import { cardError, invalidRequest, resourceMissing, StripeRefusal, unexpectedState } from './refusals.ts';

/** The smallest charges, in minor units (docs.stripe.com/currencies); 50 of all others. */
const AMOUNT_MIN: Readonly<Record<string, number>> = { gbp: 30, sek: 300, nok: 300, dkk: 250 };
const AMOUNT_MAX = 99_999_999;
/** A card's authorization that nobody captures ends after seven days. */
const AUTHORIZATION_SECONDS = 7 * 86_400;
/** A dispute comes, or a refund ends, so long after its cause. */
const LATER_SECONDS = 60;
const CANCELLABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
  'processing',
];
const CONFIRMABLE = ['requires_payment_method', 'requires_confirmation', 'requires_action'];

const CONFIRM = {
  payment_method: 'string',
  confirmation_token: 'string',
  off_session: 'boolean',
  return_url: 'string',
  use_stripe_sdk: 'boolean',
  expand: 'list',
} satisfies Spec;
const CREATE = {
  ...CONFIRM,
  amount: 'integer',
  currency: 'string',
  allowed_payment_method_types: 'list',
  automatic_payment_methods: 'object',
  capture_method: ['automatic', 'automatic_async', 'manual'],
  confirm: 'boolean',
  customer: 'string',
  description: 'string',
  metadata: 'map',
} satisfies Spec;
type Confirm = Values<typeof CONFIRM>;

/** Payment intents: one each for what somebody is to pay, and what becomes of it. */
export function createIntents(company: Company, dispute: (charge: Stripe.Charge) => void) {
  function intentOf(id: string): Stripe.PaymentIntent {
    return find(company.intents, 'payment_intent', id);
  }

  function create(form: Form): Stripe.PaymentIntent {
    if ('payment_method_types' in form) throw noLongerSupported();
    const params = readParams(form, CREATE);
    const amount = required(params.amount, 'amount');
    const currency = checkedCurrency(required(params.currency, 'currency'));
    checkAmount(amount, currency);
    const { capture_method = 'automatic_async', allowed_payment_method_types: allowed } = params;
    const { automatic_payment_methods } = params;
    if (allowed && automatic_payment_methods) {
      const both = 'automatic_payment_methods, allowed_payment_method_types';
      throw invalidRequest(`You may only specify one of these parameters: ${both}.`, {
        code: 'parameters_exclusive',
      });
    }
    const allow_redirects = automatic_payment_methods?.allow_redirects === 'never' ? 'never' : 'always';
    const card = given(params);
    const intent = newIntent({
      amount,
      allowed_payment_method_types: allowed ?? null,
      automatic_payment_methods: allowed ? null : { allow_redirects, enabled: true },
      capture_method,
      created: company.now(),
      currency,
      customer: params.customer ?? null,
      description: params.description ?? null,
      metadata: params.metadata ?? {},
      payment_method_types: allowed ?? ['card'],
    });
    if (params.confirm) checkConfirmation(intent, params, card);
    company.intents.set(intent.id, intent);
    company.record('payment_intent.created', intent);
    if (card) setMethod(intent, params, card);
    return params.confirm ? charge(intent, params, card!) : intent;
  }

  /** The card that the parameters name. */
  function given({ payment_method, confirmation_token }: Confirm): TestCard | undefined {
    if (confirmation_token !== undefined) return ofToken(confirmation_token);
    if (payment_method === undefined) return undefined;
    const card = payment_method.startsWith('pm_') ? company.cards.get(payment_method) : undefined;
    if (!card) throw resourceMissing('PaymentMethod', payment_method, 'payment_method');
    return card;
  }

  function ofToken(id: string): TestCard {
    const token = find(company.tokens, 'confirmation_token', id, 'confirmation_token', 400);
    const param = 'confirmation_token';
    if (token.payment_intent !== null)
      throw invalidRequest('The confirmation token has already been used.', { param });
    if (token.expires_at! <= company.now())
      throw invalidRequest('The confirmation token has expired.', { param });
    return company.cards.get(id)!;
  }

  function setMethod(intent: Stripe.PaymentIntent, { confirmation_token }: Confirm, card: TestCard): void {
    const id = newId('pm');
    company.cards.set(id, card);
    intent.payment_method = id;
    intent.status = 'requires_confirmation';
    if (confirmation_token) company.tokens.get(confirmation_token)!.payment_intent = intent.id;
  }

  function checkConfirmation(
    intent: Stripe.PaymentIntent,
    params: Confirm,
    card: TestCard | undefined,
  ): void {
    const { automatic_payment_methods: automatic } = intent;
    const token = company.tokens.get(params.confirmation_token ?? '');
    if (!card) {
      throw unexpectedState(
        "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
        intent,
      );
    }
    if (automatic && automatic.allow_redirects !== 'never' && !(params.return_url ?? token?.return_url)) {
      throw invalidRequest(
        'This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`.',
        { param: 'return_url' },
      );
    }
  }

  function confirm(id: string, form: Form): Stripe.PaymentIntent {
    const intent = intentOf(id);
    const params = readParams(form, CONFIRM);
    if (!CONFIRMABLE.includes(intent.status)) {
      const why = intent.status === 'canceled' ? 'it has been canceled' : 'it has already been confirmed';
      throw unexpectedState(`You cannot confirm this PaymentIntent because ${why}.`, intent);
    }
    const named = given(params);
    const card = named ?? company.cards.get(intent.payment_method as string);
    checkConfirmation(intent, params, card);
    if (named) setMethod(intent, params, named);
    return charge(intent, params, card!);
  }

  function charge(intent: Stripe.PaymentIntent, params: Confirm, card: TestCard): Stripe.PaymentIntent {
    if (!card.needsAuthentication) return chargeNow(intent, card);
    if (params.off_session) {
      const code = 'authentication_required';
      const message = 'Your card was declined. This transaction requires authentication.';
      return chargeNow(intent, { ...card, decline: { code, declineCode: code, message } });
    }
    const { return_url } = params;
    intent.status = 'requires_action';
    intent.next_action = return_url
      ? {
          redirect_to_url: { return_url, url: `https://hooks.stripe.com/3d_secure/${intent.id}` },
          type: 'redirect_to_url',
        }
      : { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect' } };
    company.record('payment_intent.requires_action', intent);
    return intent;
  }

  /** Throws Stripe's answer to a declined card, after having noted it. */
  function chargeNow(intent: Stripe.PaymentIntent, card: TestCard): Stripe.PaymentIntent {
    const isManual = intent.capture_method === 'manual';
    const captureBefore = isManual ? company.now() + AUTHORIZATION_SECONDS : null;
    const charged = newCharge(intent, card, company.now(), captureBefore);
    company.charges.set(charged.id, charged);
    intent.latest_charge = charged.id;
    intent.next_action = null;
    if (card.decline) throw declined(intent, charged, card);
    intent.last_payment_error = null;
    company.record('charge.succeeded', charged);
    if (isManual) {
      intent.status = 'requires_capture';
      intent.amount_capturable = intent.amount;
      company.record('payment_intent.amount_capturable_updated', intent);
      company.after(AUTHORIZATION_SECONDS, () => expire(intent));
    } else {
      succeed(intent, intent.amount);
    }
    if (card.later === 'dispute') company.after(LATER_SECONDS, () => dispute(charged));
    return intent;
  }

  function declined(intent: Stripe.PaymentIntent, { id }: Stripe.Charge, card: TestCard): StripeRefusal {
    const { code, declineCode, message } = card.decline!;
    const payment_method = newPaymentMethod(intent.payment_method as string, card, company.now());
    const error = {
      charge: id,
      code: code as Stripe.PaymentIntent.LastPaymentError.Code,
      ...(declineCode && { decline_code: declineCode }),
      doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
      message,
      payment_method,
      type: 'card_error' as const,
    };
    intent.status = 'requires_payment_method';
    intent.payment_method = null;
    intent.last_payment_error = error;
    company.record('charge.failed', company.charges.get(id)!);
    company.record('payment_intent.payment_failed', intent);
    return cardError(error, { payment_intent: structuredClone(intent) });
  }

  function succeed(intent: Stripe.PaymentIntent, amount: number): void {
    intent.status = 'succeeded';
    intent.amount_capturable = 0;
    intent.amount_received = amount;
    company.record('payment_intent.succeeded', intent);
  }

  function capture(id: string, form: Form): Stripe.PaymentIntent {
    const intent = intentOf(id);
    const { amount_to_capture: amount = intent.amount_capturable } = readParams(form, {
      amount_to_capture: 'integer',
      expand: 'list',
    });
    if (intent.status !== 'requires_capture') {
      throw unexpectedState(
        `This PaymentIntent could not be captured because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.`,
        intent,
      );
    }
    if (amount < 1 || amount > intent.amount_capturable) {
      throw invalidRequest('The amount to capture has to be between 1 and the amount that can be captured.', {
        code: amount < 1 ? 'parameter_invalid_integer' : 'amount_too_large',
        param: 'amount_to_capture',
      });
    }
    const charged = latestCharge(company, intent);
    charged.captured = true;
    charged.amount_captured = amount;
    charged.amount_refunded = charged.amount - amount;
    charged.balance_transaction = newId('txn');
    company.record('charge.captured', charged);
    succeed(intent, amount);
    return intent;
  }

  function cancel(id: string, form: Form): Stripe.PaymentIntent {
    const intent = intentOf(id);
    const { cancellation_reason = null } = readParams(form, {
      cancellation_reason: ['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer'],
      expand: 'list',
    });
    if (!CANCELLABLE.includes(intent.status)) {
      throw unexpectedState(
        `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELLABLE.join(', ')}.`,
        intent,
      );
    }
    return end(intent, cancellation_reason);
  }

  function expire(intent: Stripe.PaymentIntent): void {
    if (intent.status !== 'requires_capture') return;
    end(intent, 'automatic');
    company.record('charge.expired', latestCharge(company, intent));
  }

  function end(intent: Stripe.PaymentIntent, reason: Stripe.PaymentIntent.CancellationReason | null) {
    if (intent.status === 'requires_capture') {
      const charged = latestCharge(company, intent);
      charged.refunded = true;
      charged.amount_refunded = charged.amount;
      company.record('charge.refunded', charged);
    }
    intent.status = 'canceled';
    intent.amount_capturable = 0;
    intent.canceled_at = company.now();
    intent.cancellation_reason = reason;
    intent.next_action = null;
    company.record('payment_intent.canceled', intent);
    return intent;
  }

  /** Metadata is merged; an empty value removes its key. */
  function update(id: string, form: Form): Stripe.PaymentIntent {
    const intent = intentOf(id);
    const { metadata = {}, description } = readParams(form, {
      metadata: 'map',
      description: 'string',
      expand: 'list',
    });
    for (const [key, value] of Object.entries(metadata)) {
      if (value === '') delete intent.metadata[key];
      else intent.metadata[key] = value;
    }
    if (description !== undefined) intent.description = description;
    return intent;
  }

  return {
    create,
    confirm,
    capture,
    cancel,
    update,
    get: intentOf,

    /** The buyer's authentication is done; null where there was none to be done. Declines are noted, not thrown. */
    authenticate(id: string, isPassed: boolean): Stripe.PaymentIntent | null {
      const intent = intentOf(id);
      if (intent.status !== 'requires_action') return null;
      const { needsAuthentication, ...card } = company.cards.get(intent.payment_method as string)!;
      const code = 'payment_intent_authentication_failure';
      const message =
        'We are unable to authenticate your payment method. Please choose a different payment method and try again.';
      try {
        return chargeNow(intent, isPassed ? card : { ...card, decline: { code, message } });
      } catch (error) {
        if (error instanceof StripeRefusal) return intent;
        throw error;
      }
    },

    list(form: Form): Stripe.PaymentIntent[] {
      const { created, customer } = form;
      const range =
        readParams({ ...(created !== undefined && { created }) }, { created: 'range' }).created ?? {};
      return [...company.intents.values()].filter(
        (intent) => isIn(intent.created, range) && (customer === undefined || intent.customer === customer),
      );
    },
  };
}

export function isIn(at: number, { gt, gte, lt, lte }: Range): boolean {
  return (
    (gt === undefined || at > gt) &&
    (gte === undefined || at >= gte) &&
    (lt === undefined || at < lt) &&
    (lte === undefined || at <= lte)
  );
}

/** Since version 2026-09-30.endive. */
function noLongerSupported(): StripeRefusal {
  return invalidRequest('payment_method_types can no longer be set. Use allowed_payment_method_types.', {
    code: 'payment_method_types_no_longer_supported',
    param: 'payment_method_types',
  });
}

function checkAmount(amount: number, currency: string): void {
  const param = 'amount';
  if (amount < 1)
    throw invalidRequest(`This value must be greater than or equal to 1.`, {
      code: 'parameter_invalid_integer',
      param,
    });
  const min = AMOUNT_MIN[currency] ?? 50;
  if (amount < min)
    throw invalidRequest(`Amount must be at least ${min} ${currency}`, { code: 'amount_too_small', param });
  if (amount > AMOUNT_MAX)
    throw invalidRequest(`Amount must be no more than ${AMOUNT_MAX} ${currency}`, {
      code: 'amount_too_large',
      param,
    });
}

export type Intents = ReturnType<typeof createIntents>;
