import type { Registry } from 'prom-client';
import Type from 'typebox';
import { CONTENT_TYPES, formatFor, write } from '../../telemetry/exposition.ts';
import type { Family } from '../../telemetry/families.ts';
import { NOT_GUESSED, problem } from '../respond.ts';
import { jsonAnswer, problemAnswer, type Route, routesOf } from '../route.ts';
import { shape } from '../schemas.ts';
import type { Service } from '../service.ts';
import { wrong } from './inputs.ts';
import { spring } from './spring.ts';

type NamedRequest = Request & { readonly params: { readonly name: string } };

const MetricNamesAnswer = shape('MetricNames', '', { names: Type.Array(Type.String()) });

const MetricAnswer = shape('Metric', '', {
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
});

type Metric = Type.Static<typeof MetricAnswer>;
type Measurements = Metric['measurements'];

const route = routesOf('actuator', 'error');

/** Metrics one by one for Spring Boot's clients, of this process; and all of them for Prometheus, of all that share the port. */
export function createMetricRoutes({ metrics, scrape }: Service): Route[] {
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
      summary: 'List metrics',
      description: 'Their names, of this process.',
      answers: { 200: jsonAnswer('The names', MetricNamesAnswer) },
      handle(req) {
        const names = metrics.registry.getMetricsAsArray().map(({ name }) => name);
        return spring(req, { names: names.sort() });
      },
    }),
    route('GET /actuator/metrics/:name', {
      id: 'metric',
      summary: 'Get metric',
      description:
        'One metric of this process. Of several processes behind one port it is the one that the connection led to; `/actuator/prometheus` has all.',
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
      summary: 'Scrape metrics (Prometheus)',
      description:
        "All metrics. Of all processes that share the port: counters and histograms as sums, which also have what processes counted that have ended; what all read from the same backends once. A process that does not answer within a second is in the sums with what it last told, and missing in `pulsecart_instances_answered`. In OpenMetrics where the `Accept` names it, else in Prometheus's text format.",
      answers: {
        200: {
          description: 'The metrics',
          content: {
            'text/plain': { schema: { type: 'string' }, examples: { text: 'pulsecart_purchases_inside 0' } },
            'application/openmetrics-text': { schema: { type: 'string' } },
          },
        },
        503: '`unavailable`: the supervisor of several processes does not answer',
      },
      handle: async (req) => metricsAnswer(req, await scrape()),
    }),
  ];
}

export function metricsAnswer(req: Request, families: readonly Family[]): Response {
  const format = formatFor(req.headers.get('accept'));
  const headers = {
    'Content-Type': CONTENT_TYPES[format],
    ...NOT_GUESSED,
    'Cache-Control': 'no-store',
    Vary: 'Accept',
  };
  return new Response(write(families, format), { headers });
}

/** The wanted tags, or null where one is none. */
function readTags(req: Request): Tags | null {
  const query = req.url.split('?')[1] ?? '';
  const wanted = new URLSearchParams(query).getAll('tag').map((tag) => /^([^:]+):(.+)$/s.exec(tag));
  const tags = wanted.flatMap((found) => (found ? [[found[1]!, found[2]!] as const] : []));
  return tags.length === wanted.length ? tags : null;
}

/** Name and value. */
type Tags = readonly (readonly [tag: string, value: string])[];

interface Value {
  readonly value: number;
  readonly labels: Readonly<Partial<Record<string, string | number>>>;
  readonly metricName?: string;
}

/** Null where there is no such metric, or none of its values has all the tags. */
export async function showMetric(registry: Registry, name: string, tags: Tags): Promise<Metric | null> {
  const metric = registry.getSingleMetric(name);
  // The registry finds what every object inherits, too, such as `toString`.
  if (typeof metric?.get !== 'function') return null;
  const { help, type, values: all } = await metric.get();
  const has = ({ labels }: Value) => tags.every(([tag, value]) => String(labels[tag]) === value);
  const values = (all as readonly Value[]).filter(has);
  if (tags.length > 0 && values.length === 0) return null;
  const isTimed = String(type) === 'histogram' || String(type) === 'summary';
  const shown = isTimed ? values.filter(({ metricName }) => metricName?.endsWith('_count')) : values;
  return {
    name,
    description: help,
    measurements: isTimed
      ? [
          ...added('COUNT', shown),
          ...added(
            'TOTAL_TIME',
            values.filter(({ metricName }) => metricName?.endsWith('_sum')),
          ),
          ...highest((await valuesOf(registry, `${name}_max`)).filter(has)),
        ]
      : added(String(type) === 'counter' ? 'COUNT' : 'VALUE', shown),
    availableTags: tagsOf(shown, tags),
  };
}

/** Of a histogram the longest time is a gauge beside it: Prometheus has no place for it within. */
async function valuesOf(registry: Registry, name: string): Promise<readonly Value[]> {
  return ((await registry.getSingleMetric(name)?.get())?.values ?? []) as readonly Value[];
}

function added(statistic: Measurements[number]['statistic'], values: readonly Value[]): Measurements {
  const numbers = numbersOf(values);
  return numbers.length === 0 ? [] : [{ statistic, value: numbers.reduce((sum, value) => sum + value, 0) }];
}

function highest(values: readonly Value[]): Measurements {
  const numbers = numbersOf(values);
  return numbers.length === 0 ? [] : [{ statistic: 'MAX', value: Math.max(...numbers) }];
}

/** The mean lag of an event loop that has not turned since the last look is no number, and JSON has none for that. */
function numbersOf(values: readonly Value[]): number[] {
  return values.map(({ value }) => value).filter(Number.isFinite);
}

function tagsOf(values: readonly Value[], wanted: Tags): Metric['availableTags'] {
  const tags = new Map<string, Set<string>>();
  for (const { labels } of values) {
    for (const [tag, value] of Object.entries(labels)) {
      if (wanted.some(([name]) => name === tag)) continue;
      tags.set(tag, (tags.get(tag) ?? new Set()).add(String(value)));
    }
  }
  return [...tags].map(([tag, values]) => ({ tag, values: [...values] }));
}
