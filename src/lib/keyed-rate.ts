import type { ExpiringTable } from './expiring-table.ts';
import { charged, moreAfterUs, type RatePolicy, refunded, unitsLeft, waitUs } from './gcra.ts';
import { createKeyHash } from './key-hash.ts';

/** A rate that each key has for itself: an address, a customer, a customer at a product. */
export interface KeyedRate {
  /** 0: one may pass. It is not counted. */
  wait(key: string, nowUs: number): number;
  /** Counts one, if it may pass, and tells how long it would have to wait else. */
  take(key: string, nowUs: number): number;
  /** Counts one that is not asked. Others wait for it, but no longer than for one. */
  add(key: string, nowUs: number): void;
  giveBack(key: string, nowUs: number): void;
  /** What is left to the key that was asked for last, and seconds until it is one more; null while more than a quarter of the burst is. */
  scarce(nowUs: number): { readonly left: number; readonly moreAfterS: number } | null;
  /** As `RateLimit-Policy` says it. */
  readonly quota: { readonly requests: number; readonly windowS: number };
}

/** Several rates may share a table. */
export function createKeyedRate(policy: RatePolicy, table: ExpiringTable): KeyedRate {
  const debtMaxUs = policy.burst * policy.intervalUs;
  const scarceUs = 0.75 * debtMaxUs;
  const hash = createKeyHash();
  let high = 0;
  let low = 0;
  let tatUs = 0;

  function get(key: string): number {
    hash.read(key);
    high = hash.high;
    low = hash.low;
    tatUs = table.get(high, low);
    return tatUs;
  }

  function set(newTatUs: number, nowUs: number): void {
    tatUs = newTatUs;
    table.set(high, low, tatUs, nowUs);
  }

  return {
    wait: (key, nowUs) => waitUs(policy, get(key), nowUs),
    take(key, nowUs) {
      const wait = waitUs(policy, get(key), nowUs);
      if (wait === 0) set(charged(policy, tatUs, nowUs), nowUs);
      return wait;
    },
    add: (key, nowUs) => set(Math.min(charged(policy, get(key), nowUs), nowUs + debtMaxUs), nowUs),
    giveBack: (key, nowUs) => set(refunded(policy, get(key), nowUs), nowUs),
    scarce(nowUs) {
      if (tatUs - nowUs < scarceUs) return null;
      return {
        left: unitsLeft(policy, tatUs, nowUs),
        moreAfterS: Math.ceil(moreAfterUs(policy, tatUs, nowUs) / 1e6),
      };
    },
    quota: { requests: policy.burst, windowS: Math.max(1, Math.ceil(debtMaxUs / 1e6)) },
  };
}
