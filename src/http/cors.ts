import { type Handler, HEADERS, type Method, type Route } from './route.ts';

/** Which pages of other origins may call buyers' routes, and read what those answer (Fetch Standard, "CORS protocol"). */
export interface Cors {
  /** The same handler; its answers may be read by pages of the origins. Routes of operators and pages stay as they are. */
  opened(path: string, method: string, handler: Handler): Handler;
  /** What a browser hears that asks before it calls. Null: the call is not for pages of elsewhere. */
  preflight(req: Request, path: string): Record<string, string> | null;
}

/** The longest that Chromium keeps an answer; others keep it longer. */
const MAX_AGE_S = 7_200;
/** Beside those that every page may send: what buyers' routes read. */
const SENT = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'X-Request-Id',
  'traceparent',
  'tracestate',
];
const READ = [...Object.keys(HEADERS), 'Age', 'Allow'].join(', ');

/**
 * `Access-Control-Allow-Credentials` is never sent, so no page of elsewhere uses a cookie of ours: buyers there are known by tokens.
 * `origins` is `*` alone for every one.
 */
export function createCors(origins: readonly string[], routes: readonly Route[]): Cors {
  const isAny = origins.includes('*');
  const named: ReadonlySet<string> = new Set(origins);
  const methods = new Map<string, Method[]>();
  for (const { path, method, access } of routes) {
    const isBuyers = path.startsWith('/api/') && (!access || access.orOthers);
    if (isBuyers) methods.set(path, [...(methods.get(path) ?? []), method]);
  }

  /** What `Access-Control-Allow-Origin` says; null: nothing. */
  function allowed(req: Request): string | null {
    if (isAny) return '*';
    const origin = req.headers.get('origin');
    return origin !== null && named.has(origin) ? origin : null;
  }

  return {
    opened(path, method, handler) {
      if (!methods.get(path)?.some((one) => one === method)) return handler;
      return async (req: never, server) => {
        const answer = await handler(req, server);
        const headers = new Headers(answer.headers);
        // Whoever keeps the answer must not hand it to another origin.
        if (!isAny) headers.append('Vary', 'Origin');
        const origin = allowed(req);
        if (origin !== null) {
          headers.set('Access-Control-Allow-Origin', origin);
          headers.set('Access-Control-Expose-Headers', READ);
        }
        return new Response(answer.body, { status: answer.status, headers });
      };
    },
    preflight(req, path) {
      const origin = allowed(req);
      const asked = req.headers.get('access-control-request-method');
      const open = methods.get(path) ?? [];
      if (origin === null || !req.headers.has('origin') || !open.some((method) => method === asked))
        return null;
      return {
        'Access-Control-Allow-Origin': origin,
        'Access-Control-Allow-Methods': open.join(', '),
        'Access-Control-Allow-Headers': SENT.join(', '),
        'Access-Control-Max-Age': String(MAX_AGE_S),
      };
    },
  };
}
