import { statfs } from 'node:fs/promises';
import Type from 'typebox';
import { knownOperator } from '../operator.ts';
import { inTime } from '../probe.ts';
import { problem } from '../respond.ts';
import { jsonAnswer, problemAnswer, type Route, routesOf } from '../route.ts';
import { shape } from '../schemas.ts';
import type { Service } from '../service.ts';
import { createMetricRoutes } from './metrics.ts';
import { spring } from './spring.ts';

type NamedRequest = Request & { readonly params: { readonly name: string } };
type Component = { readonly status: 'UP' | 'DOWN'; readonly details?: Record<string, unknown> };

/** Below this much free disk a commit may soon fail, and the load balancer should know before the buyers do. */
export const DISK_FREE_BYTES_MIN = 64 * 1024 * 1024;

const route = routesOf('actuator', 'error');

/** Health, info and metrics in the shapes that Spring Boot's clients read. */
export function createActuatorRoutes(service: Service): Route[] {
  const { ledger, gate, queue, healthNames } = service;
  const checks = (): Readonly<Record<string, () => Promise<Component>>> => ({
    [healthNames.ledger]: () => probe(() => ledger.ping()),
    [healthNames.queue]: () => probe(() => queue.ping()),
    ...(healthNames.gate && { [healthNames.gate]: () => probe(() => gate.ping()) }),
    diskSpace: () => diskSpace(service.dataFolder),
  });

  /** Why a component is down may name hosts and files: that is for operators. */
  async function check(name: string, req: Request): Promise<Component> {
    const component = await checks()[name]!();
    if (component.status === 'UP' || knownOperator(req, service) !== null) return component;
    return { status: component.status };
  }

  async function health(req: Request): Promise<Response> {
    const names = Object.keys(checks());
    const found = await Promise.all(names.map((name) => check(name, req)));
    // Without its gate the service goes on, past it: the answer says so, and takes no server out of the balancer.
    const needed = found.filter((_, i) => names[i] !== healthNames.gate);
    const up = service.isReady() && needed.every(({ status }) => status === 'UP');
    return answer(req, up, {
      status: up ? 'UP' : 'DOWN',
      components: Object.fromEntries(found.map((component, i) => [names[i], component])),
      groups: ['liveness', 'readiness'],
    });
  }

  async function component(req: NamedRequest): Promise<Response> {
    const { name } = req.params;
    if (!Object.hasOwn(checks(), name))
      return problem(req, 'not_found', 'There is no component with this name');
    const found = await check(name, req);
    return answer(req, found.status === 'UP', found);
  }

  return [
    route('GET /actuator', {
      id: 'actuator',
      summary: 'List actuator links',
      description:
        "Where health, info and metrics are. An `Accept` with Spring's `application/vnd.spring-boot.actuator.v3+json` gets it, and all JSON below, under that type.",
      answers: { 200: jsonAnswer('The links', LinksAnswer) },
      handle: links,
    }),
    route('GET /actuator/health', {
      id: 'health',
      summary: 'Get health',
      description: 'Of the service and of each backend.',
      answers: {
        200: jsonAnswer('UP', HealthAnswer, {
          up: { status: 'UP', components: { db: { status: 'UP' }, queue: { status: 'UP' } } },
        }),
        503: jsonAnswer('DOWN', HealthAnswer),
      },
      handle: health,
    }),
    route('GET /actuator/health/:name', {
      id: 'healthComponent',
      summary: 'Get component health',
      description: 'Of one backend, or of the disk.',
      params: {
        name: { schema: { type: 'string', examples: ['diskSpace'] }, description: 'One of the components' },
      },
      answers: {
        200: jsonAnswer('UP', HealthComponent),
        404: problemAnswer('`not_found`'),
        503: jsonAnswer('DOWN', HealthComponent),
      },
      handle: component,
    }),
    route('GET /actuator/health/liveness', {
      id: 'liveness',
      summary: 'Check liveness',
      description: 'The process answers.',
      answers: { 200: jsonAnswer('UP', HealthAnswer, { up: { status: 'UP' } }) },
      handle: (req) => spring(req, { status: 'UP' }),
    }),
    route('GET /actuator/health/readiness', {
      id: 'readiness',
      summary: 'Check readiness',
      description:
        'Requests may be sent here. It can sell: a write reached the disk a second ago at most. Not ready from the moment a shutdown begins.',
      answers: {
        200: jsonAnswer('UP', HealthAnswer, { up: { status: 'UP' } }),
        503: jsonAnswer('OUT_OF_SERVICE', HealthAnswer),
      },
      async handle(req) {
        const up = service.isReady() && (await probe(() => ledger.ping())).status === 'UP';
        return answer(req, up, { status: up ? 'UP' : 'OUT_OF_SERVICE' });
      },
    }),
    route('GET /actuator/info', {
      id: 'info',
      summary: 'Get info',
      description: 'Version, runtime and backends.',
      answers: { 200: jsonAnswer('The facts', InfoAnswer) },
      handle: (req) =>
        spring(req, {
          app: { name: 'pulsecart', version: service.version },
          runtime: { name: 'bun', version: Bun.version },
          engines: service.engines,
        }),
    }),
    ...createMetricRoutes(service),
  ];
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

function answer(req: Request, up: boolean, body: unknown): Response {
  return up ? spring(req, body) : spring(req, body, 503, { 'Retry-After': '1' });
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

const HealthComponent = shape('HealthComponent', 'Why it is DOWN is told to operators only.', {
  status: Type.Enum(['UP', 'DOWN']),
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});

const LinksAnswer = shape('ActuatorLinks', '', {
  _links: Type.Record(Type.String(), Type.Object({ href: Type.String(), templated: Type.Boolean() })),
});

const HealthAnswer = shape('Health', 'Liveness and readiness have no components.', {
  status: Type.Enum(['UP', 'DOWN', 'OUT_OF_SERVICE']),
  components: Type.Optional(Type.Record(Type.String(), HealthComponent)),
  groups: Type.Optional(Type.Array(Type.String())),
});

const InfoAnswer = shape('Info', '', {
  app: Type.Object({ name: Type.String(), version: Type.String() }),
  runtime: Type.Object({ name: Type.String(), version: Type.String() }),
  engines: Type.Record(Type.String(), Type.String(), { description: 'What is behind each port' }),
});
