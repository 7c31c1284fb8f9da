import Stripe from 'stripe';
import type { Clock } from '../../domain/clock.ts';
import { AppError, isAppError } from '../../domain/errors.ts';
import { type Log, NO_LOG } from '../../lib/log.ts';
import { createScrub } from '../../lib/scrub.ts';
import type {
  Captured,
  ChargeAnswer,
  ChargeRequest,
  Confirmation,
  OpenedPayment,
  PaymentProvider,
  RefundRequest,
} from '../../ports/provider.ts';
import { amountRefusal, stripeAmount } from './amounts.ts';
import { createEvents } from './events.ts';
import { hasCode, isStripeError, meaningOf } from './failure.ts';
import { type Ask, createIntents, type Intent, PAGE, STATUS } from './intents.ts';
import { listPayments } from './list.ts';

export interface StripeOptions {
  readonly secretKey: string;
  readonly publishableKey: string;
  /** Of the webhook's endpoint; two while they change. */
  readonly webhookSecrets: readonly string[];
  /** A call of the port, with all requests that it makes. */
  readonly timeoutMs: number;
  /** Another address than Stripe's, for tests; null: Stripe's. */
  readonly url: string | null;
  readonly now: Clock;
  /** Gets what an operator has to mend: a key that is refused, a payment that is not as it was made. */
  readonly log?: Log;
}

/** Less could not be waited for any more. */
const REQUEST_MS_MIN = 50;
/** A list that is read to its end, for people who wait for that. */
const LIST_REQUEST_MS = 30_000;
const REASON_CHARS_MAX = 200;

const scrub = createScrub();

/**
 * Stripe, by its own client. The buyer authorises a PaymentIntent of the exact amount, and the server captures it under the lease of an
 * order that holds its units. Keys are `order:attempt:step`.
 */
export function openStripe(options: StripeOptions): PaymentProvider {
  const { now, timeoutMs, log = NO_LOG } = options;
  const { protocol, hostname, port } = new URL(options.url ?? 'https://api.stripe.com');
  const stripe = new Stripe(options.secretKey, {
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    port: port || 443,
    // A call that fails is repeated by its lease, which knows what has become of the order meanwhile.
    maxNetworkRetries: 0,
    telemetry: false,
  });
  const { paymentIntents, refunds } = stripe;
  const intents = createIntents(stripe, now);
  const events = createEvents(stripe, options.webhookSecrets, now);

  /** A call of the port: its requests share its time, and what fails is said in the port's words. */
  async function call<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const endsAtMs = performance.now() + timeoutMs;
    const ask: Ask = (idempotencyKey) => ({
      timeout: Math.max(Math.ceil(endsAtMs - performance.now()), REQUEST_MS_MIN),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    });
    try {
      return await work(ask);
    } catch (error) {
      const meaning = meaningOf(error);
      const status = isStripeError(error) ? error.statusCode : undefined;
      if (isAppError(meaning, 'invalid_request') || status === 401 || status === 403) {
        log.error({ err: meaning }, 'Stripe refuses what an operator has to look at');
      }
      throw meaning;
    }
  }

  async function charge(request: ChargeRequest, ask: Ask): Promise<ChargeAnswer> {
    const intent = await intents.find(request, ask);
    if (intent === null) throw neverMade(request);
    if (intent.status === 'requires_capture') return capture(request, intent, ask);
    return answerOf(intent);
  }

  /** `capture_before` is the end of what the bank has promised, which differs from card to card. */
  async function capture({ key }: ChargeRequest, intent: Intent, ask: Ask): Promise<ChargeAnswer> {
    const before = captureBefore(intent);
    if (before !== null && now() >= before) {
      const ended = await end(key, intent, ask);
      if (ended.status === 'succeeded') return answerOf(ended);
      return { type: 'declined', reason: 'The authorisation ran out before it was captured.' };
    }
    try {
      return answerOf(
        await intents.step(`${key}:capture`, ask, (how) => paymentIntents.capture(intent.id, {}, how)),
      );
    } catch (error) {
      if (!hasCode(error, ...MOVED_ON)) throw error;
      return answerOf(await intents.retrieve(intent.id, ask));
    }
  }

  async function cancel(request: ChargeRequest, ask: Ask): Promise<{ type: 'cancelled' } | Captured> {
    const intent = await intents.find(request, ask).catch((error) => {
      // What Stripe refuses to make it has not made before either: the key would have found that.
      const isRefused = isStripeError(error) && error.type === 'StripeInvalidRequestError';
      if (request.begun?.providerId || !isRefused || error.statusCode !== 400) throw error;
      return null;
    });
    // Nothing was made, or by a key that is forgotten by now.
    if (intent === null) return { type: 'cancelled' };
    const ended = isOver(intent) ? intent : await end(request.key, intent, ask);
    return ended.status === 'succeeded' ? { type: 'captured', providerId: ended.id } : { type: 'cancelled' };
  }

  /** Cancels what may still be cancelled; answers the payment once it is over, either way. */
  async function end(key: string, intent: Intent, ask: Ask): Promise<Intent> {
    const how = { cancellation_reason: 'abandoned' } as const;
    const ended = await intents
      .step(`${key}:cancel`, ask, (asked) => paymentIntents.cancel(intent.id, how, asked))
      .catch((error) => {
        if (hasCode(error, ...MOVED_ON)) return intents.retrieve(intent.id, ask);
        throw error;
      });
    if (isOver(ended)) return ended;
    throw new AppError(
      'outcome_unknown',
      `The payment ${ended.id} is ${ended.status}, and cannot be cancelled yet.`,
    );
  }

  async function open(
    request: ChargeRequest,
    confirmation: Confirmation | null,
    ask: Ask,
  ): Promise<OpenedPayment> {
    const intent = await intents.find(request, ask);
    if (intent === null) throw neverMade(request);
    const isOpen = STATUS[intent.status] === 'open' || intent.status === 'requires_action';
    if (confirmation === null || !isOpen) return opened(intent);
    try {
      return opened(await confirm(request.key, intent, confirmation, ask));
    } catch (error) {
      if (!isStripeError(error)) throw error;
      if (hasCode(error, ...MOVED_ON)) return opened(await intents.retrieve(intent.id, ask));
      if (error.type !== 'StripeCardError' && error.type !== 'StripeInvalidRequestError') throw error;
      if (error.statusCode === 409) throw error;
      // What Stripe refuses may be the buyer's token, or the account.
      if (error.type === 'StripeInvalidRequestError')
        log.error({ err: meaningOf(error) }, 'Stripe confirms no payment');
      return opened(await intents.retrieve(intent.id, ask), reasonOf(error.message));
    }
  }

  async function confirm(key: string, intent: Intent, confirmation: Confirmation, ask: Ask): Promise<Intent> {
    const { returnUrl } = confirmation;
    const back = returnUrl === null ? {} : { return_url: returnUrl };
    const confirmed = (how: Stripe.PaymentIntentConfirmParams) => {
      // Another key for another return URL, so that it is Stripe that says what is wrong with it. A key has 255 characters at most.
      const digest = Bun.CryptoHasher.hash('sha256', JSON.stringify(how), 'base64url');
      return intents.step(`${key}:confirm:${digest}`, ask, (asked) =>
        paymentIntents.confirm(intent.id, how, asked),
      );
    };
    if (confirmation.type === 'token') return confirmed({ confirmation_token: confirmation.token, ...back });
    const { paymentMethod, customer } = confirmation;
    if (customer !== null && intent.customer === null) {
      await paymentIntents.update(intent.id, { customer }, ask(`${key}:customer:${customer}`));
    }
    return confirmed({ payment_method: paymentMethod, off_session: true, ...back });
  }

  /** Of a disputed payment the bank has the money: it goes back to its customer when the dispute is lost, and until then nothing does. */
  async function lost(providerId: string, amount: number, ask: Ask): Promise<string> {
    const { data } = await stripe.disputes.list({ payment_intent: providerId, limit: PAGE }, ask());
    const disputes = data.filter(({ status }) => status === 'lost');
    if (total(disputes) >= amount) return disputes[0]!.id;
    throw new AppError(
      'unavailable',
      `The payment ${providerId} is disputed, and cannot be refunded meanwhile.`,
    );
  }

  /** What has not gone back yet: a refund that failed is made anew, with a key of its own, and what others gave back counts. */
  async function refund({ key, providerId, orderId, amountMinor, currency }: RefundRequest, ask: Ask) {
    const found = await refunds.list({ payment_intent: providerId, limit: PAGE }, ask());
    const valid = found.data.filter(({ status }) => status !== 'failed' && status !== 'canceled');
    const missing = stripeAmount(amountMinor, currency) - total(valid);
    if (missing <= 0) return { type: 'refunded' as const, refundId: valid[0]!.id };
    const nth = found.data.length === 0 ? '' : `:${found.data.length + 1}`;
    const [, attempt = ''] = key.split(':');
    const params = { payment_intent: providerId, metadata: { orderId, attempt } };
    const made = await intents
      .step(`${key}${nth}`, ask, (asked) => refunds.create(params, asked))
      .catch(async (error) => {
        if (hasCode(error, 'charge_disputed'))
          return { type: 'refunded' as const, refundId: await lost(providerId, missing, ask) };
        throw error;
      });
    if ('type' in made) return made;
    if (made.status !== 'failed' && made.status !== 'canceled')
      return { type: 'refunded' as const, refundId: made.id };
    throw new AppError('unavailable', `The refund ${made.id} failed at once (${made.failure_reason}).`);
  }

  return {
    charge: (request) => call((ask) => charge(request, ask)),
    cancel: (request) => call((ask) => cancel(request, ask)),
    refund: (request) => call((ask) => refund(request, ask)),
    // What Stripe tells comes as events.
    onCapture: () => () => {},
    buyerPays: {
      publishableKey: options.publishableKey,
      refusal: amountRefusal,
      open: (request, confirmation) => call((ask) => open(request, confirmation, ask)),
      readEvent: events.read,
      lookInto: (event) => call((ask) => events.lookInto(event, ask)),
      eventsSince: (fromMs) => events.since(fromMs, { timeout: LIST_REQUEST_MS }),
      payments: (fromMs, toMs) => listPayments(stripe, fromMs, toMs, { timeout: LIST_REQUEST_MS }),
    },
    async close() {},
  };
}

/** Codes of a step that comes too late, because the payment is in another state by now. */
const MOVED_ON = ['payment_intent_unexpected_state', 'charge_expired_for_capture'];

function answerOf({ id, status }: Intent): ChargeAnswer {
  switch (STATUS[status]) {
    case 'captured':
      return { type: 'captured', providerId: id };
    case 'cancelled':
      return { type: 'declined', reason: 'The payment was cancelled.' };
    default:
      return { type: 'waiting', providerId: id };
  }
}

function isOver({ status }: Intent): boolean {
  return status === 'succeeded' || status === 'canceled';
}

function opened({ id, client_secret, status }: Intent, declined: string | null = null): OpenedPayment {
  // A state that this program does not know is one that Stripe works on.
  return { providerId: id, clientSecret: client_secret!, status: STATUS[status] ?? 'processing', declined };
}

function total(parts: readonly { readonly amount: number }[]): number {
  return parts.reduce((sum, { amount }) => sum + amount, 0);
}

/** What Stripe writes for buyers. */
function reasonOf(message: string): string {
  return scrub(message).slice(0, REASON_CHARS_MAX);
}

/** Ms since the epoch; null where Stripe names none. */
function captureBefore({ latest_charge }: Intent): number | null {
  if (latest_charge === null || typeof latest_charge === 'string') return null;
  const seconds = latest_charge.payment_method_details?.card?.capture_before;
  return seconds === undefined ? null : seconds * 1_000;
}

function neverMade({ key }: ChargeRequest): AppError {
  return new AppError(
    'unavailable',
    `There is no payment of ${key} at Stripe, and it is too late to make one.`,
  );
}
