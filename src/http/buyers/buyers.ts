import type { Refuse } from '../json-body.ts';

/** Who makes a buyer's request. */
export type Caller =
  /** Buyers are not identified here: the request itself says whose it is. */
  | { readonly kind: 'anybody' }
  /** Sees every order, and buys for whom the request names. */
  | { readonly kind: 'operator' }
  /** By a token of the shop, or by a session of ours. */
  | Customer
  /** Said nothing of itself, where that is allowed. */
  | { readonly kind: 'anonymous' };

export interface Customer {
  readonly kind: 'customer';
  /** Canonical; a guest's begins with `guest:`. */
  readonly customer: string;
  readonly isGuest: boolean;
  /** How it was proved. */
  readonly by: 'token' | 'session';
  /** When the token or the session ends (ms since the epoch). */
  readonly expiresAtMs: number;
}

type Server = Bun.Server<unknown>;

/** Tells buyers apart, and what is theirs. */
export interface Buyers {
  /** Who calls, or the response that refuses the call: 401 for what proves nothing, 403 for a cookie from another site. */
  identify(req: Request, server: Server, refuse: Refuse): Identified | Promise<Identified>;
  /** Whether the caller may see an order of this customer; null: an anonymous one. */
  owns(caller: Caller, customer: string | null): boolean;
  /** The same of a purchase that the ledger has no order of, as far as its id tells. */
  ownsUndecided(caller: Caller, purchaseId: string): boolean;
  /** Null where buyers are not identified. */
  readonly sessions: Sessions | null;
}

export type Identified = Caller | Response;

/** Sessions: what a caller proved once, under a signature that costs a microsecond. */
export interface Sessions {
  /**
   * A session for a caller; for null that of a new guest, or null where there are no guests. One that a token was exchanged for is not
   * made longer by itself.
   */
  start(caller: Customer | null): Session | null;
  /** The session in the request's cookie; null without one that holds. */
  inCookie(req: Request): Customer | null;
}

export interface Session extends Customer {
  readonly token: string;
}

/** On routes that only operators may call. */
export const OPERATOR: Caller = { kind: 'operator' };
const ANYBODY: Caller = { kind: 'anybody' };

/** Without authentication all callers are alike. */
export const NO_BUYERS: Buyers = {
  identify: () => ANYBODY,
  owns: () => true,
  ownsUndecided: () => true,
  sessions: null,
};

/** What routes that ask for a buyer may answer, for their descriptions. */
export const NOT_KNOWN =
  '`unauthorized`: where buyers are known, there is no token or session, or it proves nothing';
export const NOT_THEIRS =
  '`customer_mismatch`: where buyers are known, the userId is another one. `cross_site`: a page of another site sends the cookie';
