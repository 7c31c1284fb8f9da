import type { Check } from '../../ports/backends.ts';
import { openStripe, type StripeOptions } from './stripe.ts';

/** Whether Stripe takes the key, by a look at its newest payments. Changes nothing. */
export async function examineStripe(
  options: StripeOptions & { readonly isLive: boolean },
): Promise<Omit<Check, 'name'>> {
  const { buyerPays } = openStripe(options);
  const fromMs = options.now() - LOOK_BACK_MS;
  // Rejects when Stripe does.
  await buyerPays!.payments(fromMs, options.now())[Symbol.asyncIterator]().next();
  return options.isLive
    ? { state: 'ok', detail: 'takes the key, which is for real money' }
    : { state: 'note', detail: 'takes the key, which is for tests: no money is taken' };
}

/** A list that is short. */
const LOOK_BACK_MS = 60_000;
