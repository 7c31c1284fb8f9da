import Stripe from 'stripe';

/** The error that a call of Stripe's client ends with. Throws when it succeeds, or fails otherwise. */
export async function failureOf(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await call.then(
    () => null,
    (reason) => reason,
  );
  if (error instanceof Stripe.errors.StripeError) return error;
  throw error ?? new Error('The call succeeded.');
}
