import type Stripe from 'stripe';
import { type Company, find } from './company.ts';
import type { Form } from './form.ts';
import { newDispute } from './objects.ts';

/** What buyers tell their banks about charges. */
export function createDisputes(company: Company) {
  return {
    open(charge: Stripe.Charge): Stripe.Dispute {
      const dispute = newDispute(charge, company.now());
      company.disputes.set(dispute.id, dispute);
      charge.disputed = true;
      company.record('charge.dispute.created', dispute);
      company.record('charge.dispute.funds_withdrawn', dispute);
      return dispute;
    },

    close(id: string, status: 'won' | 'lost'): Stripe.Dispute {
      const dispute = find(company.disputes, 'dispute', id, 'dispute');
      dispute.status = status;
      if (status === 'won') company.record('charge.dispute.funds_reinstated', dispute);
      company.record('charge.dispute.closed', dispute);
      return dispute;
    },

    get: (id: string) => find(company.disputes, 'dispute', id, 'dispute'),
    list: ({ payment_intent, charge }: Form) =>
      [...company.disputes.values()].filter(
        (dispute) =>
          (payment_intent === undefined || dispute.payment_intent === payment_intent) &&
          (charge === undefined || dispute.charge === charge),
      ),
  };
}
