import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AppError } from '../../domain/errors.ts';
import { readCustomer } from '../purchase-request.ts';
import type { Customer } from './buyers.ts';
import { GUEST } from './session-token.ts';

/** What a shop's token has to say. */
export interface TokenRules {
  /** Null: any. */
  readonly issuer: string | null;
  readonly audience: string | null;
  /** The claim that names the customer. */
  readonly claim: string;
}

/** Checks a JWT. Resolves with its customer, or with why it proves nothing; rejects `unavailable` where that cannot be known. */
export type TokenVerifier = (token: string) => Promise<Customer | string>;

/**
 * Pinned by what the key is, and never taken from the token: `none` is in neither list, and a public key is never used as a
 * secret.
 */
export const SECRET_ALGORITHMS = ['HS256'];
export const PUBLIC_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** How far the issuer's clock may differ from ours. */
const LEEWAY_S = 30;

export function createTokenVerifier(
  key: Uint8Array | JWTVerifyGetKey,
  { issuer, audience, claim }: TokenRules,
  clock: () => number,
): TokenVerifier {
  const options = {
    algorithms: key instanceof Uint8Array ? SECRET_ALGORITHMS : PUBLIC_ALGORITHMS,
    ...(issuer !== null && { issuer }),
    ...(audience !== null && { audience }),
    // A token without an end would be good for ever.
    requiredClaims: ['exp', claim],
    clockTolerance: LEEWAY_S,
  };
  const keyFor: JWTVerifyGetKey = key instanceof Uint8Array ? () => key : key;

  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keyFor, { ...options, currentDate: new Date(clock()) });
      const customer = readCustomer(payload[claim]);
      if (customer === null) return `its ${claim} is no customer: 1 to 64 characters`;
      if (customer.startsWith(GUEST)) return `its ${claim} begins with ${GUEST}, which is for guests`;
      const expiresAtMs = (payload.exp! + LEEWAY_S) * 1000;
      return { kind: 'customer', customer, isGuest: false, by: 'token', expiresAtMs };
    } catch (error) {
      const fault = faultOf(error);
      if (fault === null) throw error;
      return fault;
    }
  };
}

/** Null for what is no fault of the token. */
function faultOf(error: unknown): string | null {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'missing' ? `it has no ${error.claim}` : `its ${error.claim} is not accepted`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not fit';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its alg is not accepted';
  if (error instanceof errors.JWKSNoMatchingKey) return 'no key of the issuer fits';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'several keys fit, and it names none (kid)';
  // Whatever else is wrong with a token, or with the key that it names, is no trouble of ours.
  return error instanceof AppError ? null : 'it cannot be read';
}
