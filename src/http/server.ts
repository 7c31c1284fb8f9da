import { createActuatorRoutes } from './actuator-routes.ts';
import { listenAt } from './address.ts';
import { createAsyncRoutes } from './async-routes.ts';
import { createDocsRoutes } from './docs-routes.ts';
import { createOpsRoutes } from './ops-routes.ts';
import { createOrderRoutes } from './order-routes.ts';
import { createProductRoutes } from './product-routes.ts';
import { failed, failedProblem, failure, requestIdOf } from './respond.ts';
import type { Service } from './service.ts';
import { createStreamRoutes } from './stream-routes.ts';
import { createSyncRoutes } from './sync-routes.ts';

type Handler = (req: never, server: Bun.Server<unknown>) => Response | Promise<Response>;
export type Routes = Readonly<Record<string, Partial<Record<'GET' | 'POST' | 'PUT' | 'PATCH', Handler>>>>;

/** Seconds a connection may be silent, within a request or between two. */
const IDLE_TIMEOUT_S = 30;

/** Every route of the API; also what the OpenAPI document describes. */
export function createRoutes(service: Service): Routes {
  return {
    ...createSyncRoutes(service),
    ...createAsyncRoutes(service),
    ...sayingProblems(createOrderRoutes(service), service),
    ...sayingProblems(createProductRoutes(service), service),
    ...createStreamRoutes(service),
    ...sayingProblems(createOpsRoutes(service), service),
    ...createActuatorRoutes(service),
    ...createDocsRoutes(service),
  };
}

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
}

/** Starts to listen; throws AppError `unavailable` when the address cannot be had. */
export function startServer(service: Service, options: ServerOptions): HttpServer {
  return start(createRoutes(service), service, options);
}

/** Health and metrics alone, for a process that takes no purchases. */
export function startProbes(service: Service, options: ServerOptions): HttpServer {
  return start(createActuatorRoutes(service), service, options);
}

function start(routes: Routes, service: Service, options: ServerOptions): HttpServer {
  const shown = options.logRequests ? logged(routes, service) : routes;
  const server = listen(shown, service, options);
  return {
    url: server.url,
    drain() {
      server.reload({
        routes: closing(shown) as Bun.Serve.Routes<unknown, string>,
        fetch: (req) => closed(unrouted(req, routes)),
      });
    },
    stop: (atOnce) => server.stop(atOnce),
  };
}

function listen(
  routes: Routes,
  service: Service,
  { host, port, sharesPort }: ServerOptions,
): Bun.Server<unknown> {
  // `node:http` in Bun 1.4.5 answers clients right that Bun.serve cuts off or answers with a bare 400 (docs/reference/errors.md),
  // those who half-close excepted. It takes 19 to 28 µs of CPU for a small POST where Bun.serve takes 12 to 13.
  return listenAt(host, port, () =>
    Bun.serve({
      hostname: host,
      port,
      reusePort: sharesPort,
      idleTimeout: IDLE_TIMEOUT_S,
      // Above this Bun answers a bare 413 by itself. The routes refuse in JSON without reading the body, and what nobody
      // reads Bun throws away as it comes (200 MB sent at a route: 1 MB more memory).
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      routes: routes as Bun.Serve.Routes<unknown, string>,
      fetch: (req) => unrouted(req, routes),
      error: (error) => failed(error, service.log),
    }),
  );
}

/** A known path with another method is 405, everything else 404. */
function unrouted(req: Request, routes: Routes): Response {
  const path = new URL(req.url).pathname;
  for (const [pattern, methods] of Object.entries(routes)) {
    if (!matches(pattern, path)) continue;
    const allow = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    return failure(req, 'method_not_allowed', `${req.method} is not allowed here`, {
      headers: { Allow: allow.join(', ') },
    });
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

/** The same routes, each of whose answers ends its connection. */
function closing(routes: Routes): Routes {
  return wrapped(routes, (handler) => async (req: never, server) => closed(await handler(req, server)));
}

/** Answers share their headers, so it goes on a copy. */
function closed({ body, status, headers }: Response): Response {
  const ending = new Headers(headers);
  ending.set('Connection', 'close');
  return new Response(body, { status, headers: ending });
}

/** Our own routes: what fails is said as a problem, too. */
function sayingProblems(routes: Routes, { log }: Pick<Service, 'log'>): Routes {
  return wrapped(
    routes,
    (handler) => (req: never, server) =>
      Promise.try(handler, req, server).catch((error) => failedProblem(req, error, log)),
  );
}

function wrapped(routes: Routes, wrap: (handler: Handler) => Handler): Routes {
  return Object.fromEntries(
    Object.entries(routes).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, handler]) => [method, wrap(handler)])),
    ]),
  );
}

/** Logs every request, with the id under which its caller can ask about it. */
function logged(routes: Routes, { log }: Service): Routes {
  return wrapped(routes, (handler) => async (req: never, server) => {
    const startedAtMs = performance.now();
    const requestId = requestIdOf(req);
    const answer = await Promise.try(handler, req, server).catch((error) => failed(error, log));
    const { method, url } = req as Request;
    const { status, body } = answer;
    const tookMs = Math.round(performance.now() - startedAtMs);
    log.info({ requestId, method, path: new URL(url).pathname, status, tookMs }, 'request');
    // Answers share their headers, so the id goes on a copy.
    const headers = new Headers(answer.headers);
    if (!headers.has('X-Request-Id')) headers.set('X-Request-Id', requestId);
    return new Response(body, { status, headers });
  });
}
