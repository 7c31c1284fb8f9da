import type { PurchaseKey } from '../../../domain/purchase.ts';

/**
 * Keys that were refused to sync purchases, and when. Kept in memory: no statement of an earlier process can be on its way here.
 */
export interface KeyRefusals {
  add(key: PurchaseKey, now: number): void;
  /** Whether the key was refused after `acceptedAt`. */
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
    add(key, now) {
      if (now - startedAt > KEPT_MS) {
        old = young;
        young = new Map();
        startedAt = now;
      }
      young.set(hashOf(key), now);
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
