import { JWT } from '../buyers/verified-tokens.ts';
import type { Handler, Route } from '../route.ts';
import type { Limits } from './limits.ts';
import type { Rate, RateName } from './rates.ts';
import { overLimit, rateFields, withFields } from './refusal.ts';

/**
 * By which rate a route's callers are limited, each by its address. Health and metrics are never limited: balancers and collectors ask
 * for them. The pages' files are not either: they are the same bytes for all, and a page needs several at once.
 */
export function addressRateOf({ method, path, tag, access }: RouteFacts): RateName | null {
  if (tag === 'actuator' || path.endsWith('/health') || path.startsWith('/assets/')) return null;
  if (access && !access.orOthers) return 'operator-address';
  if (tag === 'live') return 'stream-address';
  return method === 'GET' ? 'read-address' : 'purchase-address';
}

type RouteFacts = Pick<Route, 'method' | 'path' | 'tag' | 'access'>;

/** The same routes, each behind its rate. The two purchase routes ask by themselves: more than an address counts there. */
export function limitedRoutes(routes: readonly Route[], limits: Limits): readonly Route[] {
  return routes.map((route) => {
    const name = addressRateOf(route);
    const rate = name && limits.rates[name];
    if (!rate || route.limitsItself) return route;
    return { ...route, handle: limited(route, rate, limits) };
  });
}

function limited({ handle, failure }: Route, rate: Rate, limits: Limits): Handler {
  return (req: never, server) => {
    const key = limits.addressKey(req, server);
    if (key === null) return handle(req, server);
    const nowUs = limits.nowUs();
    const wait = rate.take(key, nowUs);
    if (wait > 0) {
      if (passesAsOperator(req, key, rate, limits)) return handle(req, server);
      limits.refused(rate.name, req);
      return overLimit(req, rate, wait, failure);
    }
    const scarce = rate.scarce(nowUs);
    if (scarce === null) return handle(req, server);
    const fields = rateFields(rate, scarce.left, scarce.moreAfterS);
    return Promise.try(handle, req, server).then((answer) => withFields(answer, fields));
  };
}

/**
 * Operators' own calls have a limit, too, but each operator has one of their own then: else who floods these routes with wrong tokens
 * would lock out the operators behind the same address. Whose an issuer's token is has to be found out by checking it, which costs the
 * server a signature: an address has as many checks again.
 */
function passesAsOperator(req: Request, address: string, rate: Rate, limits: Limits): boolean {
  if (rate.name !== 'operator-address') return limits.isExempt(req);
  const token = (req.headers.get('authorization') ?? '').replace(/^bearer +/i, '');
  const key = limits.operatorKey(req) ?? (JWT.test(token) ? `issued ${address}` : null);
  return key !== null && rate.take(key, limits.nowUs()) === 0;
}
