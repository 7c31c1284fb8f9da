import { randomBytes } from 'node:crypto';
import type { PurchaseIds } from '../../domain/ids.ts';
import type { Role } from '../../domain/operator.ts';
import type { Refuse } from '../json-body.ts';
import { bearerIn, type OperatorTrust, permitted, tooManyTokens } from '../operator.ts';
import { readOperator, type SignedIn } from '../operator-request.ts';
import {
  type Buyers,
  type Caller,
  type Customer,
  type Identified,
  OPERATOR,
  type Sessions,
} from './buyers.ts';
import { isSameOrigin } from './same-origin.ts';
import { createSessionTokens, GUEST, SESSION_PREFIX } from './session-token.ts';
import type { TokenHolder } from './token-verifier.ts';
import { JWT, type VerifiedTokens } from './verified-tokens.ts';

export interface BuyersOptions {
  readonly tokens: VerifiedTokens;
  /** Signs sessions; the same in all processes. */
  readonly sessionKey: Uint8Array;
  /** How long a session lasts that a shop's token was exchanged for. */
  readonly sessionMs: number;
  /** Whether who says nothing of itself may buy. */
  readonly allowsAnonymous: boolean;
  /** Whether who has no token may have a session. */
  readonly allowsGuests: boolean;
  readonly ids: Pick<PurchaseIds, 'isMarkedFor' | 'read'>;
  readonly trust: OperatorTrust;
  readonly clock: () => number;
}

export const SESSION_COOKIE = 'pulsecart_session';

/** A guest keeps its orders as long as its browser keeps the cookie; each visit of the storefront renews it. */
const GUEST_MS = 30 * 86_400_000;
const GUEST_BYTES = 16;

/** Identifies buyers by a token of the shop, once per token, and by sessions of ours. */
export function openBuyers(options: BuyersOptions): Buyers {
  const { tokens, sessionKey, sessionMs, allowsAnonymous, allowsGuests, ids, trust, clock } = options;
  const sessionTokens = createSessionTokens(sessionKey, clock);

  /** A guest's session of before counts no longer where there are none any more. */
  function readSession(token: string): Customer | null {
    const session = sessionTokens.read(token);
    return session?.isGuest && !allowsGuests ? null : session;
  }

  function ofBearer(
    token: string,
    req: Request,
    server: Bun.Server<unknown>,
    refuse: Refuse,
  ): Identified | Promise<Identified> {
    if (token.startsWith(SESSION_PREFIX)) {
      return readSession(token) ?? refused(req, refuse, NO_SESSION);
    }
    if (!JWT.test(token)) {
      const operator = readOperator(req, server, trust, roleFor(req), { refuse });
      return operator instanceof Promise ? operator.then(seen) : seen(operator);
    }
    const held = tokens.check(token);
    return held instanceof Promise ? held.then(proved) : proved(held);

    function seen(operator: SignedIn | Response): Identified {
      if (!(operator instanceof Response)) return OPERATOR;
      // Its own words are for those who meant to be operators.
      return operator.status === 401 ? refused(req, refuse, 'the token is none of the shop') : operator;
    }

    function proved(holder: TokenHolder | string | null): Identified {
      if (holder === null) return tooManyTokens(req, refuse);
      if (typeof holder === 'string') return refused(req, refuse, holder);
      if (holder.kind !== 'operator') return holder;
      const operator = permitted(req, holder, roleFor(req), refuse);
      return operator instanceof Response ? operator : holder;
    }
  }

  const sessions: Sessions = {
    start(caller) {
      if (caller === null && !allowsGuests) return null;
      const customer = caller?.customer ?? `${GUEST}${randomBytes(GUEST_BYTES).toString('base64url')}`;
      const isGuest = caller?.isGuest ?? true;
      const newEndMs = clock() + (isGuest ? GUEST_MS : sessionMs);
      const expiresAtMs = caller?.by === 'session' && !isGuest ? caller.expiresAtMs : newEndMs;
      const token = sessionTokens.write({ customer, expiresAtMs });
      return { kind: 'customer', customer, isGuest, by: 'session', expiresAtMs, token };
    },
    inCookie(req) {
      const token = cookieOf(req);
      return token === null ? null : readSession(token);
    },
  };

  const owns = (caller: Caller, customer: string | null) => {
    if (caller.kind === 'operator' || caller.kind === 'anybody') return true;
    // Anonymous orders are nobody's: where they are allowed, who has the id has the order.
    if (customer === null) return allowsAnonymous;
    return caller.kind === 'customer' && caller.customer === customer;
  };

  return {
    sessions,
    identify(req, server, refuse) {
      const bearer = bearerIn(req.headers.get('authorization'));
      if (bearer !== null) return ofBearer(bearer, req, server, refuse);
      const cookie = cookieOf(req);
      if (cookie !== null) {
        const session = readSession(cookie);
        if (session === null) return refused(req, refuse, NO_SESSION);
        if (SAFE.has(req.method) || isSameOrigin(req)) return session;
        return refuse(req, 'cross_site', 'A session in a cookie counts on our own pages only');
      }
      return allowsAnonymous ? ANONYMOUS : refused(req, refuse, 'the call says nothing of who buys');
    },
    owns,
    ownsUndecided(caller, id) {
      if (caller.kind === 'operator' || caller.kind === 'anybody') return true;
      // A sync purchase has its order within seconds, or never; until then its id tells nothing but that.
      if (ids.read(id)?.channel === 'sync') return true;
      if (allowsAnonymous && ids.isMarkedFor(id, null)) return true;
      return caller.kind === 'customer' && ids.isMarkedFor(id, caller.customer);
    },
  };
}

const NO_SESSION = 'the session is over, or none of ours';
const ANONYMOUS: Caller = { kind: 'anonymous' };
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** On buyers' routes an operator reads everybody's orders, and buys and cancels for others. */
function roleFor({ method }: Request): Role {
  return SAFE.has(method) ? 'viewer' : 'operator';
}

function cookieOf(req: Request): string | null {
  const header = req.headers.get('cookie');
  return header === null ? null : (COOKIE.exec(header)?.[1] ?? null);
}

const COOKIE = new RegExp(`(?:^|;)\\s*${SESSION_COOKIE}=([^;\\s]*)`);

function refused(req: Request, refuse: Refuse, why: string): Response {
  const says = `Buyers are known here by a bearer token or a session (POST /api/v1/session): ${why}`;
  return refuse(req, 'unauthorized', says, { headers: { 'WWW-Authenticate': 'Bearer' } });
}
