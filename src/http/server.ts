import { listenAt } from '../lib/address.ts';
import type { Log } from '../telemetry/log.ts';
import { clientAddressOf } from './client-address.ts';
import { type Cors, createCors } from './cors.ts';
import { failed, failure, givenRequestId, requestIdOf, traceOf } from './respond.ts';
import type { Handler, Method, Route } from './route.ts';
import { createActuatorRoutes } from './routes/actuator.ts';
import { createRoutes } from './routes.ts';
import type { Service } from './service.ts';
import { pathOf } from './target.ts';

/** Handlers by path and method, as Bun takes them. */
type Handlers = Readonly<Record<string, Partial<Record<Method, Handler>>>>;

/**
 * Seconds a connection may be silent between two requests, and seconds that a request's body may take: bytes that trickle in do not
 * begin them anew. The first head on a connection has 10, which is Bun's own.
 */
const IDLE_TIMEOUT_S = 30;

export interface HttpServer {
  readonly url: URL;
  /** From now on every answer ends its connection, so that clients come back on another one, to another server. */
  drain(): void;
  /** Takes no more connections; resolves when the requests under way are answered. `atOnce` cuts those. */
  stop(atOnce?: boolean): Promise<void>;
}

export interface ServerOptions {
  readonly host: string;
  readonly port: number;
  readonly logRequests: boolean;
  /** Lets other processes of this user listen on the same port. */
  readonly sharesPort: boolean;
  /** For tests, which do not wait as long as a server does. */
  readonly idleTimeoutS?: number;
}

/** Starts to listen; throws AppError `unavailable` when the address cannot be had. */
export function startServer(
  service: Service,
  options: ServerOptions & { readonly managementPort: number | null },
): HttpServer {
  return start(createRoutes(service, { actuator: options.managementPort === null }), service, options);
}

/** Health and metrics alone. */
export function startManagement(service: Service, options: ServerOptions): HttpServer {
  return start(createActuatorRoutes(service), service, options);
}

/** The table as Bun takes it, with what fails in each route said as the route says errors. */
export function handlersOf(routes: readonly Route[], log: Log): Handlers {
  const handlers: Record<string, Partial<Record<Method, Handler>>> = {};
  for (const route of routes)
    handlers[route.path] = { ...handlers[route.path], [route.method]: catching(route, log) };
  return handlers;
}

function catching({ handle, failure }: Route, log: Log): Handler {
  if (failure === 'own') return handle;
  return (req, server) => Promise.try(handle, req, server).catch((error) => failed(req, error, log, failure));
}

function start(table: readonly Route[], service: Service, options: ServerOptions): HttpServer {
  const { corsOrigins = [] } = service;
  const cors = corsOrigins.length > 0 ? createCors(corsOrigins, table) : null;
  const plain = handlersOf(table, service.log);
  const routes = cors ? changed(plain, cors.opened) : plain;
  const shown = options.logRequests ? logging(service) : identifying;
  const shownRoutes = wrapped(routes, shown);
  const others = shown((req: Request) => unrouted(req, routes, cors));
  const server = listen(shownRoutes, others, service, options);
  return {
    url: server.url,
    drain() {
      server.reload({
        routes: wrapped(shownRoutes, closing) as Bun.Serve.Routes<unknown, string>,
        fetch: closing(others) as Fetch,
      });
    },
    stop: (atOnce) => server.stop(atOnce),
  };
}

type Fetch = (req: Request, server: Bun.Server<unknown>) => Response | Promise<Response>;

function listen(
  routes: Handlers,
  others: Handler,
  service: Service,
  { host, port, sharesPort, idleTimeoutS = IDLE_TIMEOUT_S }: ServerOptions,
): Bun.Server<unknown> {
  // `node:http` in Bun 1.4.5 answers clients right that Bun.serve cuts off or answers with a bare 400 (docs/reference/errors.md),
  // those who half-close excepted. It takes 19 to 28 µs of CPU for a small POST where Bun.serve takes 12 to 13.
  return listenAt(host, port, () =>
    Bun.serve({
      hostname: host,
      port,
      reusePort: sharesPort,
      idleTimeout: idleTimeoutS,
      // Above this Bun answers a bare 413 by itself. The routes refuse in JSON without reading the body, and what no route
      // reads Bun throws away as it comes (200 MB sent at a route: 1 MB more memory).
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      routes: routes as Bun.Serve.Routes<unknown, string>,
      fetch: others as Fetch,
      error: (error) => failed(null, error, service.log),
    }),
  );
}

/** A known path tells OPTIONS its methods and is 405 with any other; everything else is 404. */
function unrouted(req: Request, routes: Handlers, cors: Cors | null): Response {
  const path = pathOf(req);
  for (const [pattern, methods] of Object.entries(routes)) {
    if (!matches(pattern, path)) continue;
    const allowed = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const headers = { Allow: [...allowed, 'OPTIONS'].join(', ') };
    if (req.method === 'OPTIONS') {
      const more = cors && { Vary: 'Origin', ...cors.preflight(req, pattern) };
      return new Response(null, { status: 204, headers: { ...headers, ...more } });
    }
    return failure(req, 'method_not_allowed', `${req.method} is not allowed here`, { headers });
  }
  return failure(req, 'not_found', `There is nothing at ${path.slice(0, 200)}`);
}

function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const given = path.split('/');
  return (
    expected.length === given.length &&
    expected.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]))
  );
}

/** The same, with an answer that ends its connection. */
function closing(handler: Handler): Handler {
  return async (req, server) => {
    const answer = await handler(req, server);
    return withHeader(answer, 'Connection', 'close');
  };
}

/** Answers share their headers, so it goes on a copy. */
function withHeader({ body, status, headers }: Response, name: string, value: string): Response {
  const more = new Headers(headers);
  more.set(name, value);
  return new Response(body, { status, headers: more });
}

function wrapped(routes: Handlers, wrap: (handler: Handler) => Handler): Handlers {
  return changed(routes, (_path, _method, handler) => wrap(handler));
}

function changed(
  routes: Handlers,
  change: (path: string, method: string, handler: Handler) => Handler,
): Handlers {
  return Object.fromEntries(
    Object.entries(routes).map(([path, methods]) => [
      path,
      Object.fromEntries(
        Object.entries(methods).map(([method, handler]) => [method, change(path, method, handler)]),
      ),
    ]),
  );
}

/** A caller who names the request gets the name back. */
function identifying(handler: Handler): Handler {
  return (req, server) => {
    const id = givenRequestId(req);
    if (id === null) return handler(req, server);
    return Promise.try(handler, req, server).then((answer) => withHeader(answer, 'X-Request-Id', id));
  };
}

/** Logs each request, with the id under which its caller can ask about it. */
function logging({
  log,
  trustedProxies,
}: Pick<Service, 'log' | 'trustedProxies'>): (handler: Handler) => Handler {
  return (handler) => async (req: never, server) => {
    const startedAtMs = performance.now();
    const { address } = clientAddressOf(req, server, trustedProxies);
    const answer = await Promise.try(handler, req, server).catch((error) => failed(req, error, log));
    const requestId = requestIdOf(req);
    const { method } = req as Request;
    const tookMs = Math.round(performance.now() - startedAtMs);
    log.info(
      { requestId, ...traceOf(req), address, method, path: pathOf(req), status: answer.status, tookMs },
      'request',
    );
    return withHeader(answer, 'X-Request-Id', requestId);
  };
}
