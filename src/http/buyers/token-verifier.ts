import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { AppError } from '../../domain/errors.ts';
import { isRole, isSystem, type Operator, ROLES, type Role } from '../../domain/operator.ts';
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
  /** The claim that names roles of operators, by its name or by a path with dots; null: no token makes an operator. */
  readonly operatorClaim: string | null;
}

/** An operator whom the issuer names. */
export interface IssuedOperator extends Operator {
  readonly kind: 'operator';
  /** When the token ends (ms since the epoch). */
  readonly expiresAtMs: number;
}

export type TokenHolder = Customer | IssuedOperator;

/** Checks a JWT. Resolves with whose it is, or with why it proves nothing; rejects `unavailable` where that cannot be known. */
export type TokenVerifier = (token: string) => Promise<TokenHolder | string>;

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
  { issuer, audience, claim, operatorClaim }: TokenRules,
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
      const role = operatorClaim === null ? null : roleIn(payload, operatorClaim);
      if (role !== null) {
        if (isSystem(customer)) return `its ${claim} is the service's own name`;
        return { kind: 'operator', name: customer, role, expiresAtMs };
      }
      return { kind: 'customer', customer, isGuest: false, by: 'token', expiresAtMs };
    } catch (error) {
      const fault = faultOf(error);
      if (fault === null) throw error;
      return fault;
    }
  };
}

/** The highest role among those that the claim names, as a text or as a list; null: none. */
function roleIn(payload: Readonly<Record<string, unknown>>, path: string): Role | null {
  const named = valueAt(payload, path);
  const roles = (Array.isArray(named) ? named : [named]).filter(isRole);
  return ROLES.findLast((role) => roles.includes(role)) ?? null;
}

/** Names of claims may have dots themselves (`https://shop.example/roles`), so the whole path is tried as one first. */
function valueAt(payload: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  return path.split('.').reduce<unknown>((part, name) => {
    const isObject = typeof part === 'object' && part !== null;
    return isObject && Object.hasOwn(part, name) ? (part as Record<string, unknown>)[name] : undefined;
  }, payload);
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
