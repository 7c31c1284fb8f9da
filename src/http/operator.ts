import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopbackName } from '../lib/address.ts';
import { clientAddressOf, type TrustedProxies } from './client-address.ts';
import type { Refuse } from './json-body.ts';
import { isOwnUser } from './peer.ts';
import { failure } from './respond.ts';

/** How operators prove who they are. */
export interface OperatorAccess {
  /** Each makes an operator: the one that was set, or the one that a development server made itself. */
  readonly token: string;
  /** Answers `init` and `reset` without a token, when this machine itself asks. Only in development mode, where none was set. */
  readonly trustsThisMachine: boolean;
}

/** What is asked to tell an operator from others. */
export interface OperatorTrust {
  readonly operators: OperatorAccess;
  readonly trustedProxies: TrustedProxies;
}

/** Calls that a walk through the API on one's own machine needs, or every operator's call. */
export type OperatorCall = 'stock' | 'any';

/**
 * Operator calls need `Authorization: Bearer <token>`; the two calls of stock among the fixed routes are answered without one
 * where this machine itself is trusted. Returns the refusal, or null for an operator.
 */
export function refuseUnlessOperator(
  req: Request,
  server: Bun.Server<unknown>,
  { operators: { token, trustsThisMachine }, trustedProxies }: OperatorTrust,
  call: OperatorCall,
  refuse: Refuse = failure,
): Response | null {
  const given = BEARER.exec(req.headers.get('authorization') ?? '')?.[1];
  if (given !== undefined && sameSecret(given, token)) return null;
  // Also with another server's token, which a command here may have found.
  if (call === 'stock' && trustsThisMachine && isFromHere(req, server, trustedProxies)) return null;
  return unauthorized(req, refuse);
}

/**
 * Whether the server's own token may be shown to who asks: its user on this machine, who can read the file with the token anyway, by
 * an address that was typed or that our own pages lead to.
 */
export function mayHaveToken(
  req: Request,
  server: Bun.Server<unknown>,
  { operators, trustedProxies }: OperatorTrust,
): boolean {
  const site = req.headers.get('sec-fetch-site') ?? 'none';
  const isOurs = site === 'none' || site === 'same-origin';
  return operators.trustsThisMachine && isOurs && isFromHere(req, server, trustedProxies);
}

/** The scheme in any case, then spaces (RFC 9110, 11.1 and 11.4). */
const BEARER = /^bearer +(.+)$/i;

/** Compares digests, so that neither the time taken nor the length tells anything. */
function sameSecret(a: string, b: string): boolean {
  const digest = (value: string) => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/**
 * Whether this machine itself asks: a loopback connection of our own user that nothing says a proxy has made, and whose `Host`
 * is a loopback name, too. A page in a browser here is on this machine as well, so its call must come from our own origin: browsers send a
 * POST without a body for any page, and say whose in `Origin`.
 */
function isFromHere(req: Request, server: Bun.Server<unknown>, proxies: TrustedProxies): boolean {
  const { headers } = req;
  if (isForwarded(headers)) return false;
  const { address, port, isProxied } = clientAddressOf(req, server, proxies);
  // An address that is named as a proxy's is one, also where it leaves no trace.
  if (isProxied) return false;
  const loopback = address === '::1' || address.startsWith('127.');
  const host = headers.get('host') ?? '';
  const origin = headers.get('origin');
  const ours = origin === null || origin === `http://${host}`;
  const isHere = loopback && ours && isLoopbackName(host.replace(/:\d+$/, ''));
  return isHere && isOwnUser(port, server.port!);
}

/**
 * Any trace of a proxy. nginx as it comes leaves none, and names us as the host: it is known by its user. One that runs as ours
 * cannot be told from a program of this machine; hence a token behind every proxy.
 */
function isForwarded(headers: Headers): boolean {
  for (const name of headers.keys()) if (PROXY_FIELD.test(name)) return true;
  return false;
}

const PROXY_FIELD =
  /^(via|forwarded|x-forwarded(-.*)?|x-real-.*|(x-)?(true-|cluster-)?client-ip|.*-connecting-ip|x-original-.*|x-envoy-.*|x-proxy.*|proxy-.*|cdn-loop)$/;

function unauthorized(req: Request, refuse: Refuse): Response {
  const says =
    'This call is for operators: Authorization: Bearer <token>, the one in PULSECART_OPERATOR_TOKEN, or without that in the ' +
    'file operator-token of the data folder';
  return refuse(req, 'unauthorized', says, { headers: { 'WWW-Authenticate': 'Bearer' } });
}
