/** A collector of OpenTelemetry: takes spans as JSON over HTTP, as the real ones do. `using` ends it. */
export interface Collector extends Disposable {
  readonly url: string;
  /** All spans that were taken, the earliest first. */
  readonly spans: readonly CollectedSpan[];
  /** Headers of the posts. */
  readonly posts: readonly Record<string, string>[];
  inTrace(traceId: string): CollectedSpan[];
}

export interface CollectedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Attributes of its process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export const KIND = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const;

export function openCollector(): Collector {
  const spans: CollectedSpan[] = [];
  const posts: Record<string, string>[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: {
      '/v1/traces': {
        async POST(req) {
          posts.push(Object.fromEntries(req.headers));
          spans.push(...spansIn((await req.json()) as Body));
          return Response.json({});
        },
      },
    },
    fetch: () => new Response(null, { status: 404 }),
  });
  return {
    url: server.url.origin,
    spans,
    posts,
    inTrace: (traceId) => spans.filter((span) => span.traceId === traceId),
    [Symbol.dispose]: () => void server.stop(true),
  };
}

interface Pair {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
type RawSpan = Omit<CollectedSpan, 'attributes' | 'resource'> & { readonly attributes: readonly Pair[] };
interface Body {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Pair[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

function spansIn({ resourceSpans }: Body): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: valuesOf(span.attributes),
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

function valuesOf(pairs: readonly Pair[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
