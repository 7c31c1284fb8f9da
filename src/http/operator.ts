import { createHash, timingSafeEqual } from 'node:crypto';
import { mayDo, type Operator, type Role } from '../domain/operator.ts';
import { isLoopbackName } from '../lib/address.ts';
import type { TokenHolder } from './buyers/token-verifier.ts';
import { JWT, type VerifiedTokens } from './buyers/verified-tokens.ts';
import { clientAddressOf, type TrustedProxies } from './client-address.ts';
import type { Refuse } from './json-body.ts';
import { isOwnUser } from './peer.ts';
import { failure } from './respond.ts';
import type { SignIns } from './sign-ins.ts';

/** How operators prove who they are. */
export interface OperatorAccess {
  /** Its holders are admins: the one that was set, or the one that a development server made itself. Null: none was set. */
  readonly token: string | null;
  /** Answers `init` and `reset` without a token, when this machine itself asks. Only in development mode, where none was set. */
  readonly trustsThisMachine: boolean;
  /** Operators with a token each; null: there are none. */
  readonly named?: { find(token: string): Operator | null } | null;
}

/** What is asked to tell an operator from others. */
export interface OperatorTrust {
  readonly operators: OperatorAccess;
  readonly trustedProxies: TrustedProxies;
  /** Where tokens of an issuer make operators. */
  readonly operatorTokens?: VerifiedTokens | null;
  /** Null: wrong tokens are neither counted nor slowed down. */
  readonly signIns?: SignIns | null;
}

/** Calls that a walk through the API on one's own machine needs, or every operator's call. */
export type OperatorCall = 'stock' | 'any';

export interface OperatorAsk {
  readonly call?: OperatorCall;
  readonly refuse?: Refuse;
}

/**
 * Operator calls need `Authorization: Bearer <token>` of an operator with that role or more; the two calls of stock among the fixed
 * routes are answered without one where this machine itself is trusted. Returns the operator or the refusal: 401 without a right token,
 * 403 for another role, 429 for an address that brought too many wrong tokens. Right ones pass from there, too: else whoever shares an
 * address with operators could lock them out.
 */
export function readTokenOf(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  needed: Role,
  { call = 'any', refuse = failure }: OperatorAsk = {},
): Operator | Response | Promise<Operator | Response> {
  const { operators, operatorTokens, trustedProxies } = trust;
  const given = bearerIn(req.headers.get('authorization'));
  const known = given === null ? null : operatorOf(given, operators);
  if (known) return permitted(req, known, needed, refuse);
  if (given !== null && operatorTokens && JWT.test(given)) {
    const held = operatorTokens.check(given);
    return held instanceof Promise ? held.then(issued) : issued(held);
  }
  // Also with another server's token, which a command here may have found.
  if (call === 'stock' && operators.trustsThisMachine && isFromHere(req, server, trustedProxies))
    return ADMIN;
  return given === null ? unauthorized(req, refuse) : wrongToken("the token is no operator's");

  function issued(held: TokenHolder | string | null): Operator | Response {
    if (held === null) return tooManyTokens(req, refuse);
    if (typeof held === 'string') return wrongToken(held);
    if (held.kind === 'operator') return permitted(req, held, needed, refuse);
    return forbidden(req, needed, 'the token names no role of operators', refuse);
  }

  function wrongToken(why: string): Response {
    return trust.signIns?.failed(req, server, refuse) ?? unauthorized(req, refuse, why);
  }
}

/**
 * Whose token it is, for calls that others make, too: a wrong one is not counted, and nothing is waited for. An issuer's token counts once it
 * has been checked by another call.
 */
export function knownOperator(req: Request, trust: OperatorTrust): Operator | null {
  const given = bearerIn(req.headers.get('authorization'));
  if (given === null) return null;
  const held = operatorOf(given, trust.operators) ?? trust.operatorTokens?.known(given);
  return held && 'role' in held ? held : null;
}

/** The operator, or 403 where the role is not enough. */
export function permitted(
  req: Request,
  operator: Operator,
  needed: Role,
  refuse: Refuse,
): Operator | Response {
  if (mayDo(operator.role, needed)) return operator;
  return forbidden(req, needed, `the role of ${operator.name ?? 'the token'} is ${operator.role}`, refuse);
}

function forbidden(req: Request, needed: Role, why: string, refuse: Refuse): Response {
  return refuse(req, 'forbidden', `This call needs the role ${needed}: ${why}`);
}

export function tooManyTokens(req: Request, refuse: Refuse): Response {
  return refuse(req, 'overloaded', 'Too many new tokens at once. Nothing was done.');
}

const ADMIN: Operator = { role: 'admin', name: null };

function operatorOf(given: string, { token, named }: OperatorAccess): Operator | null {
  // The file first: who also wrote the one token into it has the role that stands there.
  return named?.find(given) ?? (token !== null && sameSecret(given, token) ? ADMIN : null);
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

/** The token of an `Authorization`; null: there is none. */
export function bearerIn(header: string | null): string | null {
  if (header === null) return null;
  // As sessions of buyers come, which are the most.
  if (header.startsWith('Bearer v')) return header.slice('Bearer '.length);
  return BEARER.exec(header)?.[1] ?? null;
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

function unauthorized(req: Request, refuse: Refuse, why = NO_TOKEN): Response {
  const says = `This call is for operators, by Authorization: Bearer <token>: ${why}`;
  return refuse(req, 'unauthorized', says, { headers: { 'WWW-Authenticate': 'Bearer' } });
}

const NO_TOKEN =
  "an operator's own, the one in PULSECART_OPERATOR_TOKEN, or without that the one in the file operator-token of the data folder";
