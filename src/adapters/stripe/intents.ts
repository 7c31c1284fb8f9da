import type Stripe from 'stripe';
import type { Clock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { ChargeRequest, OpenedPayment } from '../../ports/provider.ts';
import { amountRefusal, stripeAmount } from './amounts.ts';
import { hasCode, isReplayedFault, isStripeError } from './failure.ts';

export type Intent = Stripe.PaymentIntent;

/** Options of one request, with what is left of the call's time. */
export type Ask = (idempotencyKey?: string) => Stripe.RequestOptions;

/** Stripe forgets keys after 24 hours. Later the same key would make a second payment, so none is made any more. */
const KEYS_KEPT_MS = 23 * 3_600_000;
/** A list is searched from a little before the attempt: clocks differ. */
const CLOCKS_DIFFER_MS = 5 * 60_000;
/** More payments than a sale of ours makes in the time that is searched would take minutes to read. */
const SEARCHED_MAX = 10_000;
/** Two seconds of reading, which leaves time to make one. */
const SEARCHED_FIRST_MAX = 1_000;
/** A day on which Stripe answers a fault to as many keys is one of an outage. */
const CREATED_KEYS_MAX = 5;
export const PAGE = 100;
const MINUTE_MS = 60_000;
/** A call takes Stripe about a second; what is still under way then is left to the next lease. */
const IN_USE_TRIES_MAX = 10;
const IN_USE_PAUSE_MS = 150;

/** The one PaymentIntent of a charge, found or made. */
export function createIntents(stripe: Stripe, now: Clock) {
  const { paymentIntents } = stripe;

  /** Null when it is too late to make one, and there is none. */
  async function find(request: ChargeRequest, ask: Ask): Promise<Intent | null> {
    const { providerId = null, atMs = now() } = request.begun ?? {};
    const intent =
      providerId !== null
        ? await retrieve(providerId, ask)
        : now() - atMs < KEYS_KEPT_MS
          ? await create(request, ask)
          : await search(request, atMs, ask, SEARCHED_MAX);
    if (intent === 'too many')
      throw new AppError('outcome_unknown', `Too many payments to find ${request.key}.`);
    if (intent) requireSame(intent, request);
    return intent;
  }

  function retrieve(id: string, ask: Ask): Promise<Intent> {
    return paymentIntents.retrieve(id, { expand: ['latest_charge'] }, ask());
  }

  /** The same call each time, so that the key finds what an earlier one has made. */
  async function create(request: ChargeRequest, ask: Ask): Promise<Intent> {
    const { key, amountMinor, currency } = request;
    const [orderId, attempt] = key.split(':') as [string, string];
    const refusal = amountRefusal(amountMinor, currency);
    if (refusal) throw new AppError('invalid_request', `A payment cannot be made: ${refusal}.`);
    const params: Stripe.PaymentIntentCreateParams = {
      amount: stripeAmount(amountMinor, currency),
      currency: currency.toLowerCase(),
      capture_method: 'manual',
      automatic_payment_methods: { enabled: true },
      metadata: { orderId, attempt },
    };
    for (let nth = 1; ; nth++) {
      try {
        const keyed = nth === 1 ? `${key}:create` : `${key}:create:${nth}`;
        const made = await whenFree(() => paymentIntents.create(params, ask(keyed)));
        // A replayed answer says how it was made, not how it is.
        return isReplayed(made) ? await retrieve(made.id, ask) : made;
      } catch (error) {
        const isFault = isReplayedFault(error) && (error.statusCode ?? 0) >= 500;
        if (nth === CREATED_KEYS_MAX || (!isFault && !isOfOtherCall(error))) throw error;
        // In a crowd it is not seen; then the next key makes one, the same for all who ask, and nobody has the secret of the first.
        const found = await search(request, request.begun?.atMs ?? now(), ask, SEARCHED_FIRST_MAX);
        if (found !== null && found !== 'too many') return found;
      }
    }
  }

  /** By what it has of ours. The list is up to date, other than Stripe's search. */
  async function search(
    { key }: ChargeRequest,
    atMs: number,
    ask: Ask,
    searchedMax: number,
  ): Promise<Intent | null | 'too many'> {
    const from = Math.floor((atMs - CLOCKS_DIFFER_MS) / 1_000);
    const created = { gte: from, lte: from + Math.ceil((KEYS_KEPT_MS + 2 * CLOCKS_DIFFER_MS) / 1_000) };
    let searched = 0;
    for await (const intent of paymentIntents.list({ created, limit: PAGE }, ask())) {
      if (keyOf(intent) === key) return retrieve(intent.id, ask);
      if (++searched === searchedMax) return 'too many';
    }
    return null;
  }

  /** Does a step under its key; under one of this minute when the first was answered with an error for good. A declined card stays so. */
  async function step<T>(key: string, ask: Ask, call: (options: Stripe.RequestOptions) => Promise<T>) {
    try {
      return await whenFree(() => call(ask(key)));
    } catch (error) {
      if (!isReplayedFault(error)) throw error;
      return whenFree(() => call(ask(anew(key))));
    }
  }

  function anew(key: string): string {
    return `${key}:${Math.floor(now() / MINUTE_MS)}`;
  }

  return { find, retrieve, step };
}

export const STATUS: Readonly<Record<string, OpenedPayment['status']>> = {
  requires_payment_method: 'open',
  requires_confirmation: 'open',
  requires_action: 'action',
  processing: 'processing',
  requires_capture: 'authorised',
  succeeded: 'captured',
  canceled: 'cancelled',
};

/** Another call with the same key may be under way, of the buyer's second page or of a lease that was taken over. */
async function whenFree<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (tries === IN_USE_TRIES_MAX || !hasCode(error, 'idempotency_key_in_use')) throw error;
    }
    await Bun.sleep(IN_USE_PAUSE_MS);
  }
}

/** The key was used with other parameters, as an earlier version of ours had them. */
function isOfOtherCall(error: unknown): boolean {
  return isStripeError(error) && error.type === 'StripeIdempotencyError';
}

/** In Bun the headers are those of fetch, other than the types say. */
function isReplayed({ lastResponse }: Stripe.Response<unknown>): boolean {
  return new Headers(lastResponse.headers).get('idempotent-replayed') === 'true';
}

/** Key of the charge that it was made for; null: not by us. */
export function keyOf({ metadata }: Pick<Intent, 'metadata'>): string | null {
  const { orderId, attempt } = metadata;
  return orderId && attempt ? `${orderId}:${attempt}` : null;
}

/** Somebody may have changed it at Stripe. What is not as we made it is neither captured nor cancelled by us, but may be cancelled by them. */
function requireSame(intent: Intent, { key, amountMinor, currency }: ChargeRequest): void {
  if (intent.status === 'canceled') return;
  const isSame =
    keyOf(intent) === key &&
    intent.amount === stripeAmount(amountMinor, currency) &&
    intent.currency === currency.toLowerCase();
  if (isSame) return;
  const is = `${intent.amount} ${intent.currency} of ${keyOf(intent)}`;
  throw new AppError('invalid_request', `The payment ${intent.id} at Stripe is not that of ${key}: ${is}.`);
}
