import { createBoundedMap } from '../../lib/bounded-map.ts';
import type { TokenHolder, TokenVerifier } from './token-verifier.ts';

/** Tokens of the shop's issuer, the signature of each checked once. */
export interface VerifiedTokens {
  /**
   * Whose the token is; a sentence: why it proves nothing; null: too many new ones are being checked. Rejects `unavailable` while the
   * issuer's keys cannot be read.
   */
  check(token: string): TokenHolder | string | null | Promise<TokenHolder | string>;
  /** Whose it is, where that was found before. */
  known(token: string): TokenHolder | null;
}

/** Operators' own tokens are any text but this: three parts with dots between them. */
export const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Longer tokens are refused unread. Those of shops have about one kilobyte. */
const TOKEN_CHARS_MAX = 8_192;
/** Verified tokens that are remembered, by their SHA-256: 65,536 take 20 MB. */
const VERIFIED_MAX = 65_536;
/** A key that the issuer has withdrawn counts no longer than this. */
const VERIFIED_MS_MAX = 600_000;
/** Signatures that are being checked at once: at 75 to 225 µs each, a quarter of a second of work. */
const VERIFYING_MAX = 1_000;

interface Verified {
  readonly holder: TokenHolder;
  readonly untilMs: number;
}

export function createVerifiedTokens(verify: TokenVerifier, clock: () => number): VerifiedTokens {
  const verified = createBoundedMap<Verified>(VERIFIED_MAX);
  let verifying = 0;

  // A short hash could be met by another token on purpose, which would then be that customer.
  const keyOf = (token: string) => Bun.CryptoHasher.hash('sha256', token, 'base64url');

  function knownBy(key: string): TokenHolder | null {
    const known = verified.get(key);
    return known && known.untilMs > clock() ? known.holder : null;
  }

  async function checkNew(token: string, key: string): Promise<TokenHolder | string> {
    verifying++;
    try {
      const found = await verify(token);
      if (typeof found === 'string') return `the token proves nothing: ${found}`;
      verified.set(key, {
        holder: found,
        untilMs: Math.min(found.expiresAtMs, clock() + VERIFIED_MS_MAX),
      });
      return found;
    } finally {
      verifying--;
    }
  }

  return {
    check(token) {
      if (token.length > TOKEN_CHARS_MAX) return `the token is longer than ${TOKEN_CHARS_MAX} characters`;
      const key = keyOf(token);
      const known = knownBy(key);
      if (known) return known;
      return verifying >= VERIFYING_MAX ? null : checkNew(token, key);
    },
    known: (token) => (token.length > TOKEN_CHARS_MAX ? null : knownBy(keyOf(token))),
  };
}
