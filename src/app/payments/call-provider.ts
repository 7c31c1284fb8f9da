import { AppError, isAppError } from '../../domain/errors.ts';
import { amountMinor } from '../../domain/order.ts';
import { isHidden } from '../../domain/product.ts';
import type { ChargeResult, LeasedOrder } from '../../ports/payments.ts';
import type { PaymentProvider } from '../../ports/provider.ts';

/**
 * Leases of one attempt that charge; the next lease cancels the attempt. Three, half a minute each, outlast a short
 * disturbance and still leave most of a ten-minute hold to a buyer who gets the units instead.
 */
export const CALLING_LEASES_MAX = 3;

/** The buyer reads this in the order; the provider client's own message may name hosts, and is only logged. */
const NOT_CHARGED = 'The payment company cannot be reached.';

/** The result of the call; null when it is unknown: the order stays in `charging`, and its next lease calls again. */
export type Answer = ChargeResult['result'] | null;

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
 * The order of a hidden product is paid without a call: the payment company never hears of a rehearsal.
 *
 * From the second lease on "unavailable" only says that this call did nothing; an earlier one may have charged.
 */
export async function callProvider(
  provider: Pick<PaymentProvider, 'charge' | 'cancel'>,
  leased: LeasedOrder,
  onTrouble: (error: unknown, context: string) => void,
): Promise<Answer> {
  const { order, attempt } = leased;
  if (isHidden(order)) return { type: 'captured', providerId: `rehearsal:${chargeKey(order.id, attempt)}` };
  try {
    return await (mustCancel(leased) ? cancel(provider, leased) : charge(provider, leased));
  } catch (error) {
    const surelyNotCharged = isAppError(error, 'unavailable') && leased.leases === 1 && !mustCancel(leased);
    if (surelyNotCharged || !(error instanceof AppError))
      onTrouble(error, `charge of order ${leased.order.id} failed`);
    return surelyNotCharged ? { type: 'attempt_failed', reason: NOT_CHARGED } : null;
  }
}

function charge(provider: Pick<PaymentProvider, 'charge'>, { order, attempt }: LeasedOrder): Promise<Answer> {
  return provider.charge({
    key: chargeKey(order.id, attempt),
    orderId: order.id,
    amountMinor: amountMinor(order),
    currency: order.currency,
    customer: order.customer,
  });
}

async function cancel(
  provider: Pick<PaymentProvider, 'cancel'>,
  { order, attempt, holdRuns }: LeasedOrder,
): Promise<Answer> {
  const answer = await provider.cancel(chargeKey(order.id, attempt));
  if (answer.type === 'captured') return answer;
  const reason = holdRuns ? 'The provider gave no answer for too long' : 'The hold ran out without an answer';
  return { type: 'give_up', reason };
}

function mustCancel({ leases, holdRuns }: LeasedOrder): boolean {
  return !holdRuns || leases > CALLING_LEASES_MAX;
}

export function chargeKey(orderId: string, attempt: number): string {
  return `${orderId}:${attempt}`;
}

/** The order and attempt that a key names, or null for a foreign key. */
export function readChargeKey(key: string): { readonly orderId: string; readonly attempt: number } | null {
  const [, orderId, attempt] = /^([^:]+):([1-9]\d{0,8})$/.exec(key) ?? [];
  return orderId === undefined ? null : { orderId, attempt: Number(attempt) };
}
