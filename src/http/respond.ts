import { AppError, type ErrorCode } from '../domain/errors.ts';
import { readTraceparent } from '../domain/trace-context.ts';
import type { Log } from '../telemetry/log.ts';
import { type HttpCode, STATUS } from './codes.ts';
import { createRetryAfter } from './retry-after.ts';
import type { Failure } from './route.ts';

/** How answers are written. Header objects are shared, because making one per response costs as much as the answer. */

/** On every answer with a body: a browser takes it for what it says it is, and for nothing that would run. */
export const NOT_GUESSED = { 'X-Content-Type-Options': 'nosniff' } as const;
export const JSON_HEADERS = { 'Content-Type': 'application/json', ...NOT_GUESSED } as const;
const PURCHASE_HEADERS = { ...JSON_HEADERS, 'Cache-Control': 'no-store' } as const;
const retryAfter = createRetryAfter(() => performance.now());
/** For what one caller waits for alone, and what is over in a moment. */
const SOON_S = 1;

/** By status, and by seconds where it has `Retry-After`: a few tens in all. */
const inits = new Map<number, ResponseInit>();

/** A purchase's answer: never cached, and with `Retry-After` where trying again makes sense. */
export function purchaseInit(status: number): ResponseInit {
  const seconds = status === 503 || status === 429 ? retryAfter.next() : 0;
  const key = status + seconds * 1000;
  let init = inits.get(key);
  if (!init) {
    const headers = seconds > 0 ? { ...PURCHASE_HEADERS, 'Retry-After': String(seconds) } : PURCHASE_HEADERS;
    init = { status, headers: new Headers(headers) };
    inits.set(key, init);
  }
  return init;
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...JSON_HEADERS, ...headers } });
}

export function text(body: string, status = 200): Response {
  return new Response(body, {
    status,
    headers: { 'Content-Type': 'text/plain;charset=utf-8', ...NOT_GUESSED },
  });
}

export interface ErrorDetails {
  /** The input that is wrong. */
  readonly field?: string;
  readonly headers?: Record<string, string>;
}

/** An error on the fixed routes: JSON with `message` and `code`. */
export function failure(req: Request, code: HttpCode, message: string, details: ErrorDetails = {}): Response {
  const requestId = requestIdOf(req);
  const body = { message, code, ...(details.field !== undefined && { field: details.field }), requestId };
  return json(body, STATUS[code], errorHeaders(code, requestId, details));
}

/**
 * What a request is answered that threw: trouble of a backend by its code, said as the route says errors; anything else as an internal
 * error. Null is a request that is not known any more.
 */
export function failed(
  req: Request | null,
  error: unknown,
  log: Log,
  failure: Exclude<Failure, 'own'> = 'error',
): Response {
  const requestId = req ? requestIdOf(req) : crypto.randomUUID();
  const ids = { requestId, ...(req && traceOf(req)) };
  const code: HttpCode = error instanceof AppError ? error.code : 'internal_error';
  const message = error instanceof AppError ? messageOf(error) : INTERNAL;
  if (STATUS[code] === 503) {
    // A backend that is away fails every request: a line for each, but no stack, and not as an error of ours.
    const reason = (error as Error).message;
    log.warn({ ...ids, code, reason }, 'request failed');
    if (req && failure !== 'error') return problem(req, code, failure === 'explained' ? reason : message);
  } else log.error({ err: error, ...ids }, 'request failed');
  return json({ message, code, requestId }, STATUS[code], errorHeaders(code, requestId, {}));
}

/**
 * What a caller hears of what failed. An error's own message may name hosts, files and statements, and is for the log and for
 * operators.
 */
export function messageOf({ code }: AppError): string {
  return MESSAGES[code];
}

const INTERNAL = 'Internal error';

const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  invalid_request: 'The request is invalid.',
  unavailable: 'This cannot be done now. Nothing was done.',
  outcome_unknown: 'It is not known yet whether this was done.',
  overloaded: 'Too much at once. Nothing was done.',
  unusable_store: INTERNAL,
};

/** An error on our own routes: `application/problem+json` (RFC 9457). */
export function problem(req: Request, code: HttpCode, message: string, details: ErrorDetails = {}): Response {
  const requestId = requestIdOf(req);
  const status = STATUS[code];
  const title = code.replaceAll('_', ' ');
  const { field } = details;
  const body = {
    type: 'about:blank',
    title,
    status,
    detail: message,
    code,
    message,
    ...(field !== undefined && { field }),
    requestId,
  };
  const headers = errorHeaders(code, requestId, details);
  return json(body, status, { ...headers, 'Content-Type': 'application/problem+json' });
}

/** Refusals that are over in a moment. */
const PASSING: readonly HttpCode[] = ['in_flight', 'order_pending', 'order_charging'];

function errorHeaders(code: HttpCode, requestId: string, { headers }: ErrorDetails): Record<string, string> {
  return { 'Cache-Control': 'no-store', 'X-Request-Id': requestId, ...retryHeader(code), ...headers };
}

function retryHeader(code: HttpCode): Record<string, string> {
  if (STATUS[code] === 503 || STATUS[code] === 429) return { 'Retry-After': String(retryAfter.next()) };
  return PASSING.includes(code) ? { 'Retry-After': String(SOON_S) } : {};
}

/** Says for the operators' log why a purchase was answered with 503. `overloaded` explains itself, and must stay cheap. */
export function logFailure(req: Request, { code, message }: AppError, log: Log): void {
  if (code === 'overloaded') return;
  log.warn({ requestId: requestIdOf(req), ...traceOf(req), code, reason: message }, 'purchase failed');
}

const newIds = new WeakMap<Request, string>();

/** The caller's request id if it is one (1–128 visible characters), else a new one, the same whenever it is asked for. */
export function requestIdOf(req: Request): string {
  const given = givenRequestId(req);
  if (given !== null) return given;
  const id = newIds.get(req) ?? crypto.randomUUID();
  newIds.set(req, id);
  return id;
}

/** Null where the caller sent none, or something that is none. */
export function givenRequestId(req: Request): string | null {
  const given = req.headers.get('x-request-id');
  return given !== null && /^[\x21-\x7e]{1,128}$/.test(given) ? given : null;
}

const traces = new WeakMap<Request, string>();

/** Remembers the trace that a request has started itself. */
export function startedTrace(req: Request, traceId: string): void {
  traces.set(req, traceId);
}

/** The trace of a request, for its log lines: the one that it has started, or the one that it brought, sampled or not. */
export function traceOf(req: Request): { readonly traceId?: string } {
  const traceId = traces.get(req) ?? readTraceparent(req.headers.get('traceparent'))?.traceId;
  return traceId === undefined ? {} : { traceId };
}

let isoMs = 0;
let iso = '';

/** ISO 8601 in UTC; the last one is remembered, because answers of one millisecond share it. */
export function isoTime(ms: number): string {
  if (ms !== isoMs) {
    isoMs = ms;
    iso = new Date(ms).toISOString();
  }
  return iso;
}
