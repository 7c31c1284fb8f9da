import { amountText } from '../../domain/money.ts';
import type { BookedPayment } from '../../ports/books.ts';
import type { ProviderPayment } from '../../ports/provider.ts';
import { tookMoney } from '../../ports/queries.ts';
import { chargeKey } from './call-provider.ts';

/** One thing in which the ledger and the payment company are not the same. */
export interface Difference {
  readonly kind: /** The ledger has money of which the company knows nothing; the company has a payment of which the ledger knows nothing. */
    | 'missing_there'
    | 'missing_here'
    /** A second payment for one charge, which is not cancelled. */
    | 'twice'
    | 'amount'
    | 'currency'
    /** The ledger says captured, the company does not, or the other way round. */
    | 'not_captured_there'
    | 'not_captured_here'
    /** The charge is over for the ledger, and can still take money at the company. */
    | 'still_open_there'
    /** The ledger says refunded, the company does not, or the other way round. */
    | 'not_refunded_there'
    | 'not_refunded_here'
    /** Disputed at the company, and the ledger has not heard of it. */
    | 'disputed_there';
  readonly orderId: string;
  readonly attempt: number;
  readonly providerId: string | null;
  /** For people. */
  readonly detail: string;
}

/** A span of time (ms since the epoch), its end not included. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Compares payments that the ledger began in a span with those of the company. Both lists should reach further than the span: a
 * payment is made at the company somewhat later than its attempt begins. A payment that is under way may differ for a moment.
 */
export function reconcile(
  booked: readonly BookedPayment[],
  listed: readonly ProviderPayment[],
  { fromMs, toMs }: Span,
): Difference[] {
  const byKey = Map.groupBy(listed, ({ key }) => key);
  const known = new Map(booked.map((one) => [chargeKey(one.orderId, one.attempt), one]));
  const differences: Difference[] = [];
  for (const [key, one] of known) {
    if (one.createdAt < fromMs || one.createdAt >= toMs) continue;
    differences.push(...differencesOf(one, byKey.get(key) ?? []));
  }
  for (const [key, payments] of byKey) {
    if (known.has(key)) continue;
    const [orderId = '', attempt = ''] = key.split(':');
    for (const { providerId, createdAt, status, amountMinor, currency } of payments) {
      if (status === 'cancelled' || createdAt < fromMs || createdAt >= toMs) continue;
      const detail = `${status}, ${amountText(amountMinor, currency)} ${currency}`;
      differences.push({ kind: 'missing_here', orderId, attempt: Number(attempt), providerId, detail });
    }
  }
  return differences;
}

function differencesOf(booked: BookedPayment, payments: readonly ProviderPayment[]): Difference[] {
  const { orderId, attempt, amountMinor, currency, status } = booked;
  const there =
    payments.find(({ providerId }) => providerId === booked.providerId) ??
    payments.find((one) => one.status === 'captured') ??
    payments[0];
  const differ = (kind: Difference['kind'], detail: string, of = there): Difference => {
    return { kind, orderId, attempt, providerId: of?.providerId ?? booked.providerId, detail };
  };
  const hasMoney = tookMoney(booked);
  if (there === undefined) return hasMoney ? [differ('missing_there', `${status} here`)] : [];
  const found = payments
    .filter((one) => one !== there && one.status !== 'cancelled')
    .map((one) => differ('twice', `${one.status} beside ${there.providerId}`, one));
  const say = (minor: number, of: string) => `${amountText(minor, of)} ${of}`;
  if (there.currency !== currency)
    found.push(differ('currency', `${currency} here, ${there.currency} there`));
  else if (there.amountMinor !== amountMinor) {
    found.push(
      differ('amount', `${say(amountMinor, currency)} here, ${say(there.amountMinor, currency)} there`),
    );
  }
  const both = `${status} here, ${there.status} there`;
  if (hasMoney && there.status !== 'captured') found.push(differ('not_captured_there', both));
  if (!hasMoney && there.status === 'captured') found.push(differ('not_captured_here', both));
  const isOver = !hasMoney && status !== 'pending';
  if (isOver && there.status !== 'captured' && there.status !== 'cancelled') {
    found.push(differ('still_open_there', both));
  }
  const wentBack = `${say(there.refundedMinor, currency)} went back`;
  // A lost dispute sends the money back past any refund.
  const isKnown = booked.refundFailed || booked.dispute === 'lost';
  if (status === 'refunded' && !isKnown && there.refundedMinor < there.amountMinor) {
    found.push(differ('not_refunded_there', wentBack));
  }
  if (status === 'captured' && there.refundedMinor > 0) found.push(differ('not_refunded_here', wentBack));
  if (there.isDisputed && booked.dispute === null) {
    found.push(differ('disputed_there', 'the ledger has not heard of it'));
  }
  return found;
}
