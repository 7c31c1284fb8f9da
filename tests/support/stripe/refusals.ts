import type Stripe from 'stripe';

/** An answer that is an error, as Stripe's error object. */
export class StripeRefusal extends Error {
  /** `isExecuted`: whether the endpoint had begun its work, so that the answer is kept under the idempotency key. */
  constructor(
    readonly status: number,
    readonly error: Readonly<Record<string, unknown>> & { readonly type: string; readonly message: string },
    readonly isExecuted = true,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(error.message);
  }
}

/** A request that is wrong in itself: nothing was executed. */
export function invalidRequest(message: string, details: Readonly<Record<string, unknown>> = {}) {
  return new StripeRefusal(400, { type: 'invalid_request_error', message, ...details }, false);
}

export function missing(param: string) {
  return invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
}

export function resourceMissing(kind: string, id: string, param: string, status = 400) {
  const message = `No such ${kind}: '${id}'`;
  return new StripeRefusal(status, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    message,
    param,
  });
}

export function unexpectedState(message: string, payment_intent: Stripe.PaymentIntent) {
  const code = 'payment_intent_unexpected_state';
  return new StripeRefusal(400, { type: 'invalid_request_error', code, message, payment_intent });
}

export function cardError(error: Stripe.PaymentIntent.LastPaymentError, details: object) {
  const message = error.message!;
  return new StripeRefusal(402, { ...error, ...details, type: 'card_error', message });
}

export function serverError() {
  const message = 'An unknown error occurred';
  return new StripeRefusal(500, { type: 'api_error', message }, true, { 'Stripe-Should-Retry': 'false' });
}
