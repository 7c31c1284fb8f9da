/** How a test card behaves; the names are Stripe's (docs.stripe.com/testing). */
export interface TestCard {
  readonly brand: string;
  readonly last4: string;
  readonly decline?: { readonly code: string; readonly declineCode?: string; readonly message: string };
  /** Asks the buyer to authenticate (3-D Secure) at each charge. */
  readonly needsAuthentication?: true;
  /** What happens to a charge, or to its refund, afterwards. */
  readonly later?: 'dispute' | 'refund_fails' | 'refund_pending';
}

const visa = { brand: 'visa', last4: '4242' };

export const TEST_CARDS: Readonly<Record<string, TestCard>> = {
  pm_card_visa: visa,
  pm_card_mastercard: { brand: 'mastercard', last4: '4444' },
  pm_card_visa_chargeDeclined: declined(
    '0002',
    'card_declined',
    'Your card was declined.',
    'generic_decline',
  ),
  pm_card_visa_chargeDeclinedInsufficientFunds: declined(
    '9995',
    'card_declined',
    'Your card has insufficient funds.',
    'insufficient_funds',
  ),
  pm_card_chargeDeclinedExpiredCard: declined('0069', 'expired_card', 'Your card has expired.'),
  pm_card_chargeDeclinedProcessingError: declined(
    '0119',
    'processing_error',
    'An error occurred while processing your card. Try again in a little bit.',
  ),
  pm_card_authenticationRequired: { ...visa, last4: '3184', needsAuthentication: true },
  pm_card_createDispute: { ...visa, last4: '0259', later: 'dispute' },
  pm_card_refundFail: { ...visa, last4: '5126', later: 'refund_fails' },
  pm_card_pendingRefund: { ...visa, last4: '7726', later: 'refund_pending' },
};

function declined(last4: string, code: string, message: string, declineCode?: string): TestCard {
  return { brand: 'visa', last4, decline: { code, message, ...(declineCode && { declineCode }) } };
}
