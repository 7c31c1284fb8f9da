import { createExpiringTable } from '../../lib/expiring-table.ts';
import type { RatePolicy } from '../../lib/gcra.ts';
import { createKeyHash } from '../../lib/key-hash.ts';
import { createKeyedRate, type KeyedRate } from '../../lib/keyed-rate.ts';

/** Of what there is a rate, as callers, metrics and documents name it. */
export const RATE_NAMES = [
  'purchase-address',
  'purchase-customer',
  'purchase-product',
  'cancel-product',
  'read-address',
  'stream-address',
  'operator-address',
  'sign-in-address',
] as const;
export type RateName = (typeof RATE_NAMES)[number];

export interface Rate extends KeyedRate {
  readonly name: RateName;
}

/** Null: no limit. */
export type RatePolicies = Readonly<Record<RateName, RatePolicy | null>>;
export type Rates = Readonly<Record<RateName, Rate | null>>;

/**
 * Two million slots in 32 MiB, for all rates together: a million keys that owe something at once lose one in two hundred. An address
 * that has asked once owes for a twentieth of a second, so far more may come.
 */
const SLOTS = 2 ** 21;

export function openRates(policies: RatePolicies): Rates {
  const table = createExpiringTable(SLOTS);
  const hash = createKeyHash();
  const rates = RATE_NAMES.map((name) => {
    const policy = policies[name];
    return [name, policy && { name, ...createKeyedRate(policy, table, hash) }];
  });
  return Object.fromEntries(rates) as Rates;
}
