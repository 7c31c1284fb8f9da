import { AppError } from '../../domain/errors.ts';
import { createBoundedMap } from '../../lib/bounded-map.ts';
import type { ChargeRequest, RefundRequest } from '../../ports/provider.ts';

/** State of the simulated company: outcomes of charges and refunds. */
export interface ProviderState {
  /** Undefined: nothing was charged, declined or cancelled under this key. */
  stateOf(key: string): ChargeState | undefined;
  /** Ends a charge, unless it has ended before; returns the valid end. `answered`: whether the caller gets it now. */
  end(request: Pick<ChargeRequest, 'key'>, state: 'declined' | 'cancelled', answered: boolean): ChargeState;
  capture(request: ChargeRequest, answered: boolean): ChargeState;
  /** Captures a charge although it was cancelled. */
  captureAnyway(request: ChargeRequest): void;
  /** Refunds the capture, once; returns the refund's id. */
  refund(request: RefundRequest): string;
  money(currency: string): Money;
}

export type ChargeState = 'captured' | 'declined' | 'cancelled' | 'refunded';

/** Totals in minor units. Their difference is the seller's balance. */
export interface Money {
  readonly capturedMinor: number;
  readonly refundedMinor: number;
}

/**
 * Remembered keys, about 100 bytes each, in two maps: answered ends, which are requested again only within moments, and
 * unanswered ones, which are requested after leases of half a minute. Separate maps keep the many from evicting the few.
 */
const REMEMBERED_MAX = 100_000;

export function createProviderState(): ProviderState {
  const answeredEnds = createBoundedMap<ChargeState>(REMEMBERED_MAX);
  const unansweredEnds = createBoundedMap<ChargeState>(REMEMBERED_MAX);
  const refundKeys = createBoundedMap<string>(REMEMBERED_MAX);
  const totals = new Map<string, { capturedMinor: number; refundedMinor: number }>();

  function stateOf(key: string): ChargeState | undefined {
    return answeredEnds.get(key) ?? unansweredEnds.get(key);
  }

  function write(key: string, state: ChargeState, answered: boolean): ChargeState {
    const first = stateOf(key);
    if (!first) (answered ? answeredEnds : unansweredEnds).set(key, state);
    return first ?? state;
  }

  function totalsOf(currency: string) {
    const kept = totals.get(currency) ?? { capturedMinor: 0, refundedMinor: 0 };
    totals.set(currency, kept);
    return kept;
  }

  /** An unknown capture was made by the company of an earlier process, as its id shows. */
  function requireCapture({ chargeKey, providerId, amountMinor, currency }: RefundRequest): void {
    const state = stateOf(chargeKey);
    if (state === 'declined' || state === 'cancelled' || providerId !== captureId(chargeKey)) {
      throw new AppError('invalid_request', `There is no capture ${providerId}.`);
    }
    if (state === undefined) totalsOf(currency).capturedMinor += amountMinor;
  }

  return {
    stateOf,
    end: ({ key }, state, answered) => write(key, state, answered),

    capture({ key, currency, amountMinor }, answered) {
      if (stateOf(key) === undefined) totalsOf(currency).capturedMinor += amountMinor;
      return write(key, 'captured', answered);
    },

    captureAnyway({ key, currency, amountMinor }) {
      answeredEnds.set(key, 'captured');
      totalsOf(currency).capturedMinor += amountMinor;
    },

    refund(request) {
      const { key, chargeKey, amountMinor, currency } = request;
      requireCapture(request);
      const first = refundKeys.get(chargeKey) ?? key;
      if (first !== key) throw new AppError('invalid_request', `${chargeKey} was given back as ${first}.`);
      if (stateOf(chargeKey) !== 'refunded') {
        answeredEnds.set(chargeKey, 'refunded');
        refundKeys.set(chargeKey, key);
        totalsOf(currency).refundedMinor += amountMinor;
      }
      return `simr_${key}`;
    },

    money: (currency) => ({ ...totalsOf(currency) }),
  };
}

export function captureId(key: string): string {
  return `sim_${key}`;
}
