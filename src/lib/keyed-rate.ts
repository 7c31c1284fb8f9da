import type { ExpiringTable } from './expiring-table.ts';
import { charged, moreAfterUs, type RatePolicy, refunded, unitsLeft, waitUs } from './gcra.ts';
import { createKeyHash, type KeyHash, mixedWith } from './key-hash.ts';

/**
 * A rate that each caller has for itself: an address, or a customer. It may be one for each of several things that are numbered from 0 to
 * 2^53, like a product.
 */
export interface KeyedRate {
  /** 0: one may pass. It is not counted. */
  wait(caller: string, nowUs: number, thing?: number): number;
  /** Counts one, if it may pass, and tells how long it would have to wait else. */
  take(caller: string, nowUs: number, thing?: number): number;
  /** Counts one that is not asked. Others wait for it, but no longer than for one. */
  add(caller: string, nowUs: number, thing?: number): void;
  giveBack(caller: string, nowUs: number, thing?: number): void;
  /** What is left to whom was asked for last, and seconds until it is one more; null while more than a quarter of the burst is. */
  scarce(nowUs: number): { readonly left: number; readonly moreAfterS: number } | null;
  /** As `RateLimit-Policy` says it. */
  readonly quota: { readonly requests: number; readonly windowS: number };
}

/** Sets of a table that share a page of memory. */
const NEIGHBOURS = 31;

/**
 * Several rates may share a table, and the hash of their callers: one that several rates ask for is read once. All that is kept of one caller
 * stands in one page of the table, though not in one set, where a few products would drive out each other.
 */
export function createKeyedRate(
  policy: RatePolicy,
  table: ExpiringTable,
  hash: KeyHash = createKeyHash(),
): KeyedRate {
  const debtMaxUs = policy.burst * policy.intervalUs;
  const scarceUs = 0.75 * debtMaxUs;
  const secret = crypto.getRandomValues(new Uint32Array(1))[0]!;
  let high = 0;
  let low = 0;
  let tatUs = 0;

  function get(caller: string, thing: number): number {
    hash.read(caller);
    high = mixedWith(hash.high ^ secret, thing);
    low = (hash.low ^ (high & NEIGHBOURS)) >>> 0;
    tatUs = table.get(high, low);
    return tatUs;
  }

  function set(newTatUs: number, nowUs: number): void {
    tatUs = newTatUs;
    table.set(high, low, tatUs, nowUs);
  }

  return {
    wait: (caller, nowUs, thing = 0) => waitUs(policy, get(caller, thing), nowUs),
    take(caller, nowUs, thing = 0) {
      const wait = waitUs(policy, get(caller, thing), nowUs);
      if (wait === 0) set(charged(policy, tatUs, nowUs), nowUs);
      return wait;
    },
    add: (caller, nowUs, thing = 0) =>
      set(Math.min(charged(policy, get(caller, thing), nowUs), nowUs + debtMaxUs), nowUs),
    giveBack: (caller, nowUs, thing = 0) => set(refunded(policy, get(caller, thing), nowUs), nowUs),
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
