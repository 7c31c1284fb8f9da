import { type MetricType, type Sink, sinkOf } from './sinks.ts';

export type Contents = 'default' | 'time' | 'data';
export type Tags = Readonly<Record<string, string>>;

/** A metric, or the part of one whose samples have certain tags: `http_req_duration{name:purchase}`. */
export class Metric {
  readonly sink: Sink;
  readonly submetrics: { readonly tags: Tags; readonly metric: Metric }[] = [];

  constructor(
    readonly name: string,
    readonly type: MetricType,
    readonly contains: Contents,
  ) {
    this.sink = sinkOf(type);
  }

  add(value: number, tags: Tags): void {
    this.sink.add(value);
    for (const { tags: wanted, metric } of this.submetrics)
      if (Object.entries(wanted).every(([tag, wantedValue]) => tags[tag] === wantedValue))
        metric.sink.add(value);
  }
}

/** What a custom metric may be called. */
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/;

/** All metrics of a run, by name, submetrics included. */
export class Metrics {
  readonly #all = new Map<string, Metric>();

  define(name: string, type: MetricType, contains: Contents = 'default'): Metric {
    if (!NAME.test(name)) throw new Error(`Invalid metric name: '${name}'`);
    const known = this.#all.get(name);
    if (known && (known.type !== type || known.contains !== contains))
      throw new Error(`metric '${name}' already exists but with type ${known.type}, instead of ${type}`);
    return known ?? this.#keep(new Metric(name, type, contains));
  }

  /** The metric that a threshold is on, made when it is a part of one. */
  select(selector: string): Metric {
    const known = this.#all.get(selector);
    if (known) return known;
    const [, name, list] = /^(\w+)\{(.+)\}$/.exec(selector) ?? [];
    const whole = name === undefined ? undefined : this.#all.get(name);
    if (!whole || list === undefined) throw new Error(`no metric name "${name ?? selector}" found`);
    const tags = Object.fromEntries(
      list.split(',').map((pair) => {
        const colon = pair.indexOf(':');
        return [pair.slice(0, colon).trim(), pair.slice(colon + 1).trim()];
      }),
    );
    const part = this.#keep(new Metric(selector, whole.type, whole.contains));
    whole.submetrics.push({ tags, metric: part });
    return part;
  }

  all(): Metric[] {
    return [...this.#all.values()];
  }

  #keep(metric: Metric): Metric {
    this.#all.set(metric.name, metric);
    return metric;
  }
}

/** Those that k6 itself measures. */
export function builtInMetrics(metrics: Metrics) {
  const built = {
    checks: metrics.define('checks', 'rate'),
    dataReceived: metrics.define('data_received', 'counter', 'data'),
    dataSent: metrics.define('data_sent', 'counter', 'data'),
    droppedIterations: metrics.define('dropped_iterations', 'counter'),
    httpReqs: metrics.define('http_reqs', 'counter'),
    httpReqFailed: metrics.define('http_req_failed', 'rate'),
    httpReqDuration: metrics.define('http_req_duration', 'trend', 'time'),
    httpReqBlocked: metrics.define('http_req_blocked', 'trend', 'time'),
    httpReqConnecting: metrics.define('http_req_connecting', 'trend', 'time'),
    httpReqTlsHandshaking: metrics.define('http_req_tls_handshaking', 'trend', 'time'),
    httpReqSending: metrics.define('http_req_sending', 'trend', 'time'),
    httpReqWaiting: metrics.define('http_req_waiting', 'trend', 'time'),
    httpReqReceiving: metrics.define('http_req_receiving', 'trend', 'time'),
    iterations: metrics.define('iterations', 'counter'),
    iterationDuration: metrics.define('iteration_duration', 'trend', 'time'),
    vus: metrics.define('vus', 'gauge'),
    vusMax: metrics.define('vus_max', 'gauge'),
  };
  metrics.select('http_req_duration{expected_response:true}');
  return built;
}

export type BuiltInMetrics = ReturnType<typeof builtInMetrics>;
