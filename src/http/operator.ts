import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopbackName } from './address.ts';
import type { Refuse } from './json-body.ts';
import { failure } from './respond.ts';

/**
 * Operator calls need `Authorization: Bearer <token>`. Without a configured token they are answered only in development
 * mode and only to this machine itself: a loopback connection that no proxy forwarded, and whose `Host` is a loopback
 * name, too. A page in a browser here is on this machine as well, so its call must come from our own origin: browsers send a
 * POST without a body for any page, and say whose in `Origin`.
 *
 * Returns the refusal, or null for an operator.
 */
export function refuseUnlessOperator(
  req: Request,
  server: Bun.Server<unknown>,
  { token, mode }: { readonly token: string | null; readonly mode: 'development' | 'production' },
  refuse: Refuse = failure,
): Response | null {
  if (token !== null) {
    const given = BEARER.exec(req.headers.get('authorization') ?? '')?.[1];
    return given !== undefined && sameSecret(given, token) ? null : unauthorized(req, refuse);
  }
  if (mode === 'development' && isFromHere(req, server)) return null;
  return unauthorized(req, refuse);
}

/** The scheme in any case, then spaces (RFC 9110, 11.1 and 11.4). */
const BEARER = /^bearer +(.+)$/i;

/** Compares digests, so that neither the time taken nor the length tells anything. */
function sameSecret(a: string, b: string): boolean {
  const digest = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function isFromHere(req: Request, server: Bun.Server<unknown>): boolean {
  const { headers } = req;
  if (headers.has('forwarded') || headers.has('x-forwarded-for')) return false;
  const address = server.requestIP(req)?.address ?? '';
  const loopback = address === '::1' || /^(::ffff:)?127\./.test(address);
  const host = headers.get('host') ?? '';
  const origin = headers.get('origin');
  const ours = origin === null || origin === `http://${host}`;
  return loopback && ours && isLoopbackName(host.replace(/:\d+$/, ''));
}

function unauthorized(req: Request, refuse: Refuse): Response {
  return refuse(req, 'unauthorized', 'This call is for operators: Authorization: Bearer <operator token>', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}
