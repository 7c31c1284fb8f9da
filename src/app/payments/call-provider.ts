import { AppError, isAppError } from '../../domain/errors.ts';
import { amountMinor } from '../../domain/order.ts';
import { isHidden } from '../../domain/product.ts';
import type { Log } from '../../lib/log.ts';
import type { ChargeName, ChargeResult, LeasedOrder } from '../../ports/payments.ts';
import type { ChargeAnswer, ChargeRequest, PaymentProvider } from '../../ports/provider.ts';

/**
 * Leases of one attempt that charge; the next lease cancels the attempt. Three, half a minute each, outlast a short
 * disturbance and still leave most of a ten-minute hold to a buyer who gets the units instead.
 */
export const CALLING_LEASES_MAX = 3;

/** The buyer reads this in the order; the provider client's own message may name hosts, and is only logged. */
const NOT_CHARGED = 'The payment company cannot be reached.';

/**
 * The result of the call. The order stays in `charging`, and its next lease calls again, when it is null (unknown) or `waiting`: the
 * buyer has not paid yet.
 */
export type Answer = ChargeResult['result'] | Extract<ChargeAnswer, { type: 'waiting' }> | null;

type Provider = Pick<PaymentProvider, 'charge' | 'cancel' | 'buyerPays'>;

/**
 * Calls the provider for a leased order. The key is the same for every lease of an attempt, so an attempt charges at
 * most once, and the next attempt (a new key) begins only after this one surely charged nothing:
 *
 *   lease │ hold │ call   │ captured  declined  unavailable     no answer
 *   ──────┼──────┼────────┼───────────────────────────────────────────────
 *     1   │ runs │ charge │ captured  declined  attempt_failed  unknown
 *   2 … 3 │ runs │ charge │ captured  declined  unknown         unknown
 *    else        │ cancel │ captured  give_up   unknown         unknown
 *
 * Where buyers pay, most leases only look whether the buyer has, so that their number says nothing: such an attempt is cancelled
 * when its hold has run out.
 *
 * The order of a hidden product is paid without a call: the payment company never hears of a rehearsal.
 *
 * From the second lease on "unavailable" only says that this call did nothing; an earlier one may have charged.
 */
export async function callProvider(provider: Provider, leased: LeasedOrder, log: Log): Promise<Answer> {
  const { order, attempt, leases, holdRuns } = leased;
  if (isHidden(order)) return { type: 'captured', providerId: `rehearsal:${chargeKey(order.id, attempt)}` };
  const mustCancel = !holdRuns || (leases > CALLING_LEASES_MAX && !provider.buyerPays);
  try {
    return await (mustCancel ? cancel(provider, leased) : provider.charge(chargeRequest(leased)));
  } catch (error) {
    const surelyNotCharged = isAppError(error, 'unavailable') && leases === 1 && !mustCancel;
    if (surelyNotCharged || !(error instanceof AppError))
      log.warn({ err: error }, `charge of order ${leased.order.id} failed`);
    return surelyNotCharged ? { type: 'attempt_failed', reason: NOT_CHARGED } : null;
  }
}

async function cancel(provider: Provider, leased: LeasedOrder): Promise<Answer> {
  const answer = await provider.cancel(chargeRequest(leased));
  if (answer.type === 'captured') return answer;
  const reason = leased.holdRuns
    ? 'The provider gave no answer for too long'
    : 'The hold ran out without an answer';
  return { type: 'give_up', reason };
}

/** The charge of an attempt, as the provider is asked for it. */
export function chargeRequest({
  order,
  attempt,
  providerId,
  beganAt,
}: Pick<LeasedOrder, 'order' | 'attempt' | 'providerId' | 'beganAt'>): ChargeRequest {
  return {
    key: chargeKey(order.id, attempt),
    orderId: order.id,
    amountMinor: amountMinor(order),
    currency: order.currency,
    customer: order.customer,
    begun: { providerId, atMs: beganAt },
  };
}

export function chargeKey(orderId: string, attempt: number): string {
  return `${orderId}:${attempt}`;
}

/** The order and attempt that a key names, or null for a foreign key. */
export function readChargeKey(key: string): ChargeName | null {
  const [, orderId, attempt] = /^([^:]+):([1-9]\d{0,8})$/.exec(key) ?? [];
  return orderId === undefined ? null : { orderId, attempt: Number(attempt) };
}
