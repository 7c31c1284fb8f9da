import { statfs } from 'node:fs/promises';
import { inTime } from './probe.ts';
import { json, problem } from './respond.ts';
import type { Service } from './service.ts';

type MetricRequest = Request & { readonly params: { readonly name: string } };
type Component = { readonly status: 'UP' | 'DOWN'; readonly details?: Record<string, unknown> };

/** Below this much free disk a commit may soon fail, and the load balancer should know before the buyers do. */
export const DISK_FREE_BYTES_MIN = 64 * 1024 * 1024;

/** Health, info and metrics in the shapes that Spring Boot's clients read. */
export function createActuatorRoutes(service: Service) {
  const { ledger, gate, queue, healthNames, metrics } = service;

  async function health(): Promise<Response> {
    const components: Record<string, Component> = {
      [healthNames.ledger]: await probe(() => ledger.ping()),
      [healthNames.queue]: await probe(() => queue.ping()),
      ...(healthNames.gate && { [healthNames.gate]: await probe(() => gate.ping()) }),
      diskSpace: await diskSpace(service.dataFolder),
    };
    // Without its gate the service goes on, past it: that is told, and takes nobody out of the balancer.
    const needed = Object.entries(components).filter(([name]) => name !== healthNames.gate);
    const up = service.isReady() && needed.every(([, { status }]) => status === 'UP');
    return answer(up, { status: up ? 'UP' : 'DOWN', components });
  }

  function liveness(): Response {
    return json({ status: 'UP' });
  }

  async function readiness(): Promise<Response> {
    const up = service.isReady() && (await probe(() => ledger.ping())).status === 'UP';
    return answer(up, { status: up ? 'UP' : 'OUT_OF_SERVICE' });
  }

  function info(): Response {
    return json({
      app: { name: 'pulsecart', version: service.version },
      runtime: { name: 'bun', version: Bun.version },
      engines: service.engines,
    });
  }

  async function names(): Promise<Response> {
    const all = await metrics.registry.getMetricsAsJSON();
    return json({ names: all.map(({ name }) => name).sort() });
  }

  async function one(req: MetricRequest): Promise<Response> {
    const { name } = req.params;
    const metric = metrics.registry.getSingleMetric(name);
    // The registry finds what every object inherits, too, such as `toString`.
    if (typeof metric?.get !== 'function')
      return problem(req, 'not_found', 'There is no metric with this name');
    const { help, values: all } = await metric.get();
    // The mean lag of an event loop that has not turned since the last look is no number, and JSON has none for that.
    const values = all.filter(({ value }) => Number.isFinite(value));
    return json({
      name,
      description: help,
      measurements: values.map((one) => ({ statistic: statisticOf(name, one), value: one.value })),
      availableTags: tagsOf(values.map(({ labels }) => labels)),
    });
  }

  async function prometheus(): Promise<Response> {
    return new Response(await metrics.registry.metrics(), {
      headers: { 'Content-Type': metrics.registry.contentType },
    });
  }

  return {
    '/actuator/health': { GET: health },
    '/actuator/health/liveness': { GET: liveness },
    '/actuator/health/readiness': { GET: readiness },
    '/actuator/info': { GET: info },
    '/actuator/metrics': { GET: names },
    '/actuator/metrics/:name': { GET: one },
    '/actuator/prometheus': { GET: prometheus },
  };
}

function answer(up: boolean, body: unknown): Response {
  return up ? json(body) : json(body, 503, { 'Retry-After': '1' });
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

/** Spring's word for what a value is. */
function statisticOf(name: string, value: object): string {
  const metricName = 'metricName' in value ? String(value.metricName) : undefined;
  if (metricName?.endsWith('_sum')) return 'TOTAL';
  if (metricName?.endsWith('_count') || name.endsWith('_total')) return 'COUNT';
  return 'VALUE';
}

function tagsOf(
  labels: readonly Partial<Record<string, string | number>>[],
): { tag: string; values: string[] }[] {
  const tags = new Map<string, Set<string>>();
  for (const one of labels) {
    for (const [tag, value] of Object.entries(one)) {
      tags.set(tag, (tags.get(tag) ?? new Set()).add(String(value)));
    }
  }
  return [...tags].map(([tag, values]) => ({ tag, values: [...values] }));
}
