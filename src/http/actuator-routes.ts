import { statfs } from 'node:fs/promises';
import { showMetric, type Tags } from './actuator-metric.ts';
import { refuseUnlessOperator } from './operator.ts';
import { inTime } from './probe.ts';
import { json, problem } from './respond.ts';
import type { Service } from './service.ts';

type NamedRequest = Request & { readonly params: { readonly name: string } };
type Server = Bun.Server<unknown>;
type Component = { readonly status: 'UP' | 'DOWN'; readonly details?: Record<string, unknown> };

/** Below this much free disk a commit may soon fail, and the load balancer should know before the buyers do. */
export const DISK_FREE_BYTES_MIN = 64 * 1024 * 1024;

/** Health, info and metrics in the shapes that Spring Boot's clients read. */
export function createActuatorRoutes(service: Service) {
  const { ledger, gate, queue, healthNames, metrics, operators } = service;
  const checks = (): Readonly<Record<string, () => Promise<Component>>> => ({
    [healthNames.ledger]: () => probe(() => ledger.ping()),
    [healthNames.queue]: () => probe(() => queue.ping()),
    ...(healthNames.gate && { [healthNames.gate]: () => probe(() => gate.ping()) }),
    diskSpace: () => diskSpace(service.dataFolder),
  });

  /** Why a component is down may name hosts and files: that is for operators. */
  async function check(name: string, req: Request, server: Server): Promise<Component> {
    const component = await checks()[name]!();
    if (component.status === 'UP' || refuseUnlessOperator(req, server, operators, 'any') === null)
      return component;
    return { status: component.status };
  }

  async function health(req: Request, server: Server): Promise<Response> {
    const names = Object.keys(checks());
    const found = await Promise.all(names.map((name) => check(name, req, server)));
    // Without its gate the service goes on, past it: that is told, and takes nobody out of the balancer.
    const needed = found.filter((_, i) => names[i] !== healthNames.gate);
    const up = service.isReady() && needed.every(({ status }) => status === 'UP');
    return answer(req, up, {
      status: up ? 'UP' : 'DOWN',
      components: Object.fromEntries(found.map((component, i) => [names[i], component])),
      groups: ['liveness', 'readiness'],
    });
  }

  async function component(req: NamedRequest, server: Server): Promise<Response> {
    const { name } = req.params;
    if (!Object.hasOwn(checks(), name))
      return problem(req, 'not_found', 'There is no component with this name');
    const found = await check(name, req, server);
    return answer(req, found.status === 'UP', found);
  }

  function liveness(req: Request): Response {
    return spring(req, { status: 'UP' });
  }

  async function readiness(req: Request): Promise<Response> {
    const up = service.isReady() && (await probe(() => ledger.ping())).status === 'UP';
    return answer(req, up, { status: up ? 'UP' : 'OUT_OF_SERVICE' });
  }

  function info(req: Request): Response {
    return spring(req, {
      app: { name: 'pulsecart', version: service.version },
      runtime: { name: 'bun', version: Bun.version },
      engines: service.engines,
    });
  }

  function names(req: Request): Response {
    const all = metrics.registry.getMetricsAsArray();
    return spring(req, { names: all.map(({ name }) => name).sort() });
  }

  async function one(req: NamedRequest): Promise<Response> {
    const tags = readTags(req);
    if (tags === null) {
      return problem(req, 'invalid_request', 'tag must be a name and a value with a colon between them', {
        field: 'tag',
      });
    }
    const shown = await showMetric(metrics.registry, req.params.name, tags);
    return shown
      ? spring(req, shown)
      : problem(req, 'not_found', 'There is no metric with this name and these tags');
  }

  async function prometheus(): Promise<Response> {
    return new Response(await metrics.text(), {
      headers: { 'Content-Type': metrics.registry.contentType },
    });
  }

  return {
    '/actuator': { GET: links },
    '/actuator/health': { GET: health },
    '/actuator/health/:name': { GET: component },
    '/actuator/health/liveness': { GET: liveness },
    '/actuator/health/readiness': { GET: readiness },
    '/actuator/info': { GET: info },
    '/actuator/metrics': { GET: names },
    '/actuator/metrics/:name': { GET: one },
    '/actuator/prometheus': { GET: prometheus },
  };
}

/** Spring's names of the endpoints, which its clients know them by. */
const LINKS = {
  self: '',
  health: '/health',
  'health-path': '/health/{*path}',
  info: '/info',
  metrics: '/metrics',
  'metrics-requiredMetricName': '/metrics/{requiredMetricName}',
  prometheus: '/prometheus',
} as const;

/** Spring Boot Admin asks here first, and calls what it finds by these addresses. */
function links(req: Request): Response {
  const host = req.headers.get('host');
  const scheme = req.headers.get('x-forwarded-proto') === 'https' ? 'https' : 'http';
  const base = host ? `${scheme}://${host}/actuator` : '/actuator';
  const link = (path: string) => ({ href: base + path, templated: path.includes('{') });
  const all = Object.entries(LINKS).map(([name, path]) => [name, link(path)]);
  return spring(req, { _links: Object.fromEntries(all) });
}

const SPRING_TYPES = /application\/vnd\.spring-boot\.actuator\.v[23]\+json/;

/** JSON under the name that the client has for it: Spring Boot Admin takes no index that is only JSON. */
function spring(req: Request, body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const type = SPRING_TYPES.exec(req.headers.get('accept') ?? '')?.[0];
  return json(body, status, type === undefined ? headers : { ...headers, 'Content-Type': type });
}

function answer(req: Request, up: boolean, body: unknown): Response {
  return up ? spring(req, body) : spring(req, body, 503, { 'Retry-After': '1' });
}

/** The wanted tags, or null where one is none. */
function readTags(req: Request): Tags | null {
  const query = req.url.split('?')[1] ?? '';
  const wanted = new URLSearchParams(query).getAll('tag').map((tag) => /^([^:]+):(.+)$/s.exec(tag));
  const tags = wanted.flatMap((found) => (found ? [[found[1]!, found[2]!] as const] : []));
  return tags.length === wanted.length ? tags : null;
}

async function probe(ping: () => Promise<void>): Promise<Component> {
  try {
    await inTime(ping());
    return { status: 'UP' };
  } catch (error) {
    return { status: 'DOWN', details: { error: (error as Error).message } };
  }
}

async function diskSpace(folder: string): Promise<Component> {
  try {
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    const status = free >= DISK_FREE_BYTES_MIN ? 'UP' : 'DOWN';
    return { status, details: { free, threshold: DISK_FREE_BYTES_MIN } };
  } catch (error) {
    return { status: 'DOWN', details: { error: (error as Error).message } };
  }
}
