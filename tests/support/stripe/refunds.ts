import type Stripe from 'stripe';
import { type Company, find } from './company.ts';
import type { Form } from './form.ts';
import { newId, newRefund } from './objects.ts';
import { readParams } from './params.ts';
import { invalidRequest, missing, StripeRefusal } from './refusals.ts';

/** A test card's refund fails, or succeeds, so long after it was made. */
const LATER_SECONDS = 60;

export function createRefunds(company: Company) {
  function create(form: Form): Stripe.Refund {
    const params = readParams(form, {
      payment_intent: 'string',
      charge: 'string',
      amount: 'integer',
      metadata: 'map',
      reason: ['duplicate', 'fraudulent', 'requested_by_customer'],
      expand: 'list',
    });
    const charge = chargeOf(params.payment_intent, params.charge);
    const left = charge.amount - charge.amount_refunded;
    if (left === 0)
      throw refused('charge_already_refunded', `Charge ${charge.id} has already been refunded.`);
    const { amount = left, metadata = {}, reason = null } = params;
    if (amount < 1)
      throw invalidRequest('This value must be greater than or equal to 1.', {
        code: 'parameter_invalid_integer',
        param: 'amount',
      });
    if (amount > left) {
      throw refused(
        undefined,
        `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
        'amount',
      );
    }
    const later = company.cards.get(charge.payment_method!)?.later;
    const status = later === 'refund_pending' ? 'pending' : 'succeeded';
    const refund = newRefund(charge, { amount, created: company.now(), metadata, reason, status });
    company.refunds.set(refund.id, refund);
    give(charge, amount);
    company.record('charge.refunded', charge);
    company.record('refund.created', refund);
    if (later === 'refund_fails') company.after(LATER_SECONDS, () => fail(refund));
    if (later === 'refund_pending') company.after(LATER_SECONDS, () => succeed(refund));
    return refund;
  }

  function chargeOf(intentId: string | undefined, chargeId: string | undefined): Stripe.Charge {
    if (intentId === undefined && chargeId === undefined) throw missing('payment_intent');
    const intent =
      intentId === undefined ? null : find(company.intents, 'payment_intent', intentId, 'payment_intent');
    const id = intent ? (intent.latest_charge as string | null) : chargeId!;
    const charge = id === null ? undefined : find(company.charges, 'charge', id, 'charge');
    if (!charge?.captured) {
      const which = intent ? `This PaymentIntent (${intent.id})` : `Charge ${id}`;
      throw refused(
        'payment_intent_unexpected_state',
        `${which} does not have a successful charge to refund.`,
      );
    }
    if (charge.disputed)
      throw refused('charge_disputed', `Charge ${charge.id} has been charged back; cannot issue a refund.`);
    return charge;
  }

  function give(charge: Stripe.Charge, amount: number): void {
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded === charge.amount;
  }

  /** The money came back, some time after the refund seemed to have succeeded: nothing is refunded. */
  function fail(refund: Stripe.Refund): void {
    refund.status = 'failed';
    refund.failure_reason = 'expired_or_canceled_card';
    refund.failure_balance_transaction = newId('txn');
    give(company.charges.get(refund.charge as string)!, -refund.amount);
    company.record('refund.updated', refund);
    company.record('refund.failed', refund);
  }

  function succeed(refund: Stripe.Refund): void {
    refund.status = 'succeeded';
    company.record('refund.updated', refund);
  }

  return {
    create,
    get: (id: string) => find(company.refunds, 'refund', id, 'refund'),
    list: ({ payment_intent, charge }: Form) =>
      [...company.refunds.values()].filter(
        (refund) =>
          (payment_intent === undefined || refund.payment_intent === payment_intent) &&
          (charge === undefined || refund.charge === charge),
      ),
  };
}

function refused(code: string | undefined, message: string, param?: string) {
  return new StripeRefusal(400, {
    type: 'invalid_request_error',
    message,
    ...(code && { code }),
    ...(param && { param }),
  });
}
