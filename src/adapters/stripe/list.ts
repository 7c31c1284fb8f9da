import type Stripe from 'stripe';
import type { ProviderPayment } from '../../ports/provider.ts';
import { minorAmount } from './amounts.ts';
import { meaningOf } from './failure.ts';
import { keyOf, PAGE, STATUS } from './intents.ts';

/** All payments of ours that were begun in a span of time; those that others make with the account are left out. */
export async function* listPayments(
  stripe: Stripe,
  fromMs: number,
  toMs: number,
  options: Stripe.RequestOptions,
): AsyncGenerator<ProviderPayment> {
  // Stripe knows seconds: the second in which the span begins is read whole, and what is outside left out.
  const created = { gte: Math.floor(fromMs / 1_000), lt: Math.ceil(toMs / 1_000) };
  const page = { created, limit: PAGE, expand: ['data.latest_charge'] };
  try {
    for await (const intent of stripe.paymentIntents.list(page, options)) {
      const key = keyOf(intent);
      if (key === null) continue;
      const { id, amount, amount_received, currency, status, latest_charge } = intent;
      const charge = typeof latest_charge === 'object' ? latest_charge : null;
      const code = currency.toUpperCase();
      yield {
        key,
        providerId: id,
        // Somebody may have captured a part of it.
        amountMinor: minorAmount(status === 'succeeded' ? amount_received : amount, code),
        currency: code,
        status: STATUS[status] ?? 'processing',
        refundedMinor: minorAmount(charge?.amount_refunded ?? 0, code),
        isDisputed: charge?.disputed ?? false,
        createdAt: intent.created * 1_000,
      };
    }
  } catch (error) {
    throw meaningOf(error);
  }
}
