import type { PurchaseKey } from '../../domain/purchase.ts';

/**
 * Keys that were refused to sync purchases, and when the requests with them had come. Kept in memory: no statement of an earlier
 * process can be on its way here.
 */
export interface KeyRefusals {
  add(key: PurchaseKey, acceptedAt: number, now: number): void;
  /** Whether the key was refused to a request that came later than `acceptedAt`. */
  hasLater(key: PurchaseKey, acceptedAt: number): boolean;
}

/** Longer than any sync purchase may take to be decided. */
const KEPT_MS = 120_000;

export function createKeyRefusals(): KeyRefusals {
  // Two maps take turns, so that what is old goes at once and without being looked at.
  let young = new Map<number, number>();
  let old = new Map<number, number>();
  let startedAt = 0;
  return {
    add(key, acceptedAt, now) {
      if (now - startedAt > KEPT_MS) {
        old = young;
        young = new Map();
        startedAt = now;
      }
      const hash = hashOf(key);
      young.set(hash, Math.max(acceptedAt, young.get(hash) ?? acceptedAt));
    },
    hasLater(key, acceptedAt) {
      if (young.size === 0 && old.size === 0) return false;
      const hash = hashOf(key);
      return (young.get(hash) ?? acceptedAt) > acceptedAt || (old.get(hash) ?? acceptedAt) > acceptedAt;
    },
  };
}

/** 53 bits: some 50 bytes a key instead of some 300. A collision asks one buyer in a million millions to try again. */
function hashOf({ scope, value }: PurchaseKey): number {
  return Number(BigInt(Bun.hash(`${scope}\n${value}`)) & 0x1f_ffff_ffff_ffffn);
}
