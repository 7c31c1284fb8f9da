import Type from 'typebox';
import { problem } from '../respond.ts';
import { jsonAnswer, problemAnswer, type Route, routesOf, textAnswer } from '../route.ts';
import type { Service } from '../service.ts';
import { showMetric, type Tags } from './actuator-metric.ts';
import { wrong } from './inputs.ts';
import { spring } from './spring.ts';

type NamedRequest = Request & { readonly params: { readonly name: string } };

const MetricNamesAnswer = Type.Object({ names: Type.Array(Type.String()) }, { $id: 'MetricNames' });

const MetricAnswer = Type.Object(
  {
    name: Type.String(),
    description: Type.String(),
    measurements: Type.Array(
      Type.Object({ statistic: Type.Enum(['VALUE', 'COUNT', 'TOTAL_TIME', 'MAX']), value: Type.Number() }),
      {
        description:
          'Over all values that have the wanted tags. Times are in seconds. Empty while it cannot be read',
      },
    ),
    availableTags: Type.Array(Type.Object({ tag: Type.String(), values: Type.Array(Type.String()) }), {
      description: 'By which it can be divided further',
    }),
  },
  { $id: 'Metric' },
);

const route = routesOf('actuator', 'error');

/** Metrics one by one for Spring Boot's clients, and all of them for Prometheus. */
export function createMetricRoutes({ metrics }: Service): Route[] {
  async function metric(req: NamedRequest): Promise<Response> {
    const tags = readTags(req);
    if (tags === null) {
      return wrong(req, 'tag', 'tag must be a name and a value with a colon between them');
    }
    const shown = await showMetric(metrics.registry, req.params.name, tags);
    return shown
      ? spring(req, shown)
      : problem(req, 'not_found', 'There is no metric with this name and these tags');
  }

  return [
    route('GET /actuator/metrics', {
      id: 'metricNames',
      summary: 'Names of all metrics',
      answers: { 200: jsonAnswer('The names', MetricNamesAnswer) },
      handle(req) {
        const names = metrics.registry.getMetricsAsArray().map(({ name }) => name);
        return spring(req, { names: names.sort() });
      },
    }),
    route('GET /actuator/metrics/:name', {
      id: 'metric',
      summary: 'One metric',
      params: {
        name: {
          schema: { type: 'string', examples: ['pulsecart_purchases_inside'] },
          description: 'One of the names',
        },
      },
      query: {
        tag: {
          schema: { type: 'array', items: { type: 'string', pattern: '^[^:]+:[\\s\\S]+$' } },
          description: 'Only of what has this tag, as `name:value`; may be given several times',
        },
      },
      answers: {
        200: jsonAnswer('The metric', MetricAnswer),
        400: problemAnswer('`invalid_request`: a tag without a name, a colon and a value'),
        404: problemAnswer('`not_found`'),
      },
      handle: metric,
    }),
    route('GET /actuator/prometheus', {
      id: 'prometheus',
      summary: 'All metrics in the Prometheus text format',
      answers: { 200: textAnswer('The metrics', 'pulsecart_purchases_inside 0') },
      handle: async () =>
        new Response(await metrics.text(), { headers: { 'Content-Type': metrics.registry.contentType } }),
    }),
  ];
}

/** The wanted tags, or null where one is none. */
function readTags(req: Request): Tags | null {
  const query = req.url.split('?')[1] ?? '';
  const wanted = new URLSearchParams(query).getAll('tag').map((tag) => /^([^:]+):(.+)$/s.exec(tag));
  const tags = wanted.flatMap((found) => (found ? [[found[1]!, found[2]!] as const] : []));
  return tags.length === wanted.length ? tags : null;
}
