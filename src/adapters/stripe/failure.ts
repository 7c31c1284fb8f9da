import type Stripe from 'stripe';
import { AppError } from '../../domain/errors.ts';
import { createScrub } from '../../lib/scrub.ts';

type StripeError = InstanceType<typeof Stripe.errors.StripeError>;

/** Of a connection that was never made, as Bun and Node name it. */
const NOT_CONNECTED = ['ConnectionRefused', 'ECONNREFUSED', 'FailedToOpenSocket', 'ENOTFOUND', 'EAI_AGAIN'];

const scrub = createScrub();

/**
 * What a call that failed means. `unavailable`: surely nothing was done. `outcome_unknown`: perhaps it was, a 5xx included, and another
 * call with the same key finds out. `invalid_request`: Stripe refuses the call as it is. Anything else is a bug.
 */
export function meaningOf(error: unknown): unknown {
  if (!isStripeError(error)) return error;
  const { statusCode = 0, type, code } = error;
  // Without its cause, whose words these are: the log writes an error with its causes.
  const say = (meaning: AppError['code'], why: string) =>
    new AppError(meaning, `Stripe ${why}: ${scrub(error.message)}`);
  if (type === 'StripeConnectionError') {
    const cause = (error.detail as { code?: string } | undefined)?.code ?? '';
    return NOT_CONNECTED.includes(cause)
      ? say('unavailable', 'cannot be reached')
      : say('outcome_unknown', 'gave no answer');
  }
  if (statusCode === 429) return say('unavailable', 'wants fewer calls');
  if (statusCode === 401 || statusCode === 403) return say('unavailable', 'does not take the key');
  if (statusCode >= 500 || statusCode === 409) return say('outcome_unknown', `answered ${statusCode}`);
  return say('invalid_request', `refused (${code ?? type})`);
}

export function isStripeError(error: unknown): error is StripeError {
  return error instanceof Error && 'rawType' in error && 'statusCode' in error;
}

/** Stripe refuses it for this reason. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return isStripeError(error) && codes.includes(error.code ?? '');
}

/**
 * A key replays what it was answered first, for a day: faults of Stripe, and refusals for a state that is over. What the bank declined
 * stays declined.
 */
export function isReplayedFault(error: unknown): error is StripeError {
  return (
    isStripeError(error) &&
    error.type !== 'StripeCardError' &&
    error.headers?.['idempotent-replayed'] === 'true'
  );
}
