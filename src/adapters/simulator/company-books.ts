import { AppError } from '../../domain/errors.ts';
import type { ChargeRequest, RefundRequest } from '../../ports/provider.ts';
import { createRecent } from './recent.ts';

/** What the simulated company has written down: how each charge ended, and whose money it has. */
export interface CompanyBooks {
  /** Undefined: nothing was charged, declined or cancelled under this key. */
  stateOf(key: string): ChargeState | undefined;
  /** Ends a charge; what came first stays. Answers what holds. `heard`: whether the caller is told now. */
  end(request: Pick<ChargeRequest, 'key'>, state: 'declined' | 'cancelled', heard: boolean): ChargeState;
  capture(request: ChargeRequest, heard: boolean): ChargeState;
  /** Captures a charge although it was cancelled. */
  captureAnyway(request: ChargeRequest): void;
  /** Gives the capture back, once; answers the refund's id. */
  giveBack(request: RefundRequest): string;
  money(currency: string): Money;
}

export type ChargeState = 'captured' | 'declined' | 'cancelled' | 'refunded';

/** In minor units, since ever. Their difference is what the seller has. */
export interface Money {
  readonly capturedMinor: number;
  readonly refundedMinor: number;
}

/**
 * Keys whose end is remembered, about 100 bytes each, twice: ends that a caller heard of, which are asked for again only
 * within moments, and ends that nobody heard of, which are asked for after leases of half a minute. Kept apart, the
 * many do not push out the few.
 */
const REMEMBERED_MAX = 100_000;

export function openCompanyBooks(): CompanyBooks {
  const heardOf = createRecent<ChargeState>(REMEMBERED_MAX);
  const unheardOf = createRecent<ChargeState>(REMEMBERED_MAX);
  const refundKeys = createRecent<string>(REMEMBERED_MAX);
  const till = new Map<string, { capturedMinor: number; refundedMinor: number }>();

  function stateOf(key: string): ChargeState | undefined {
    return heardOf.get(key) ?? unheardOf.get(key);
  }

  function write(key: string, state: ChargeState, heard: boolean): ChargeState {
    const first = stateOf(key);
    if (!first) (heard ? heardOf : unheardOf).set(key, state);
    return first ?? state;
  }

  function tillOf(currency: string) {
    const kept = till.get(currency) ?? { capturedMinor: 0, refundedMinor: 0 };
    till.set(currency, kept);
    return kept;
  }

  /** A capture of which nothing is known was made by the company of an earlier process; its id says so. */
  function knowCapture({ chargeKey, providerId, amountMinor, currency }: RefundRequest): void {
    const state = stateOf(chargeKey);
    if (state === 'declined' || state === 'cancelled' || providerId !== captureId(chargeKey)) {
      throw new AppError('invalid_request', `There is no capture ${providerId}.`);
    }
    if (state === undefined) tillOf(currency).capturedMinor += amountMinor;
  }

  return {
    stateOf,
    end: ({ key }, state, heard) => write(key, state, heard),

    capture({ key, currency, amountMinor }, heard) {
      if (stateOf(key) === undefined) tillOf(currency).capturedMinor += amountMinor;
      return write(key, 'captured', heard);
    },

    captureAnyway({ key, currency, amountMinor }) {
      heardOf.set(key, 'captured');
      tillOf(currency).capturedMinor += amountMinor;
    },

    giveBack(request) {
      const { key, chargeKey, amountMinor, currency } = request;
      knowCapture(request);
      const first = refundKeys.get(chargeKey) ?? key;
      if (first !== key) throw new AppError('invalid_request', `${chargeKey} was given back as ${first}.`);
      if (stateOf(chargeKey) !== 'refunded') {
        heardOf.set(chargeKey, 'refunded');
        refundKeys.set(chargeKey, key);
        tillOf(currency).refundedMinor += amountMinor;
      }
      return `simr_${key}`;
    },

    money: (currency) => ({ ...tillOf(currency) }),
  };
}

export function captureId(key: string): string {
  return `sim_${key}`;
}
