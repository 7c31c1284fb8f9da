import {
  createTraceState,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import { readTraceparent, type TraceContext } from '../../domain/trace-context.ts';
import { createBoundedMap } from '../../lib/bounded-map.ts';
import type { Span, SpanOptions, Tracing } from '../../ports/tracing.ts';
import { createExport, type ExportOptions } from './export.ts';
import { createSampler, type Sampling } from './sampler.ts';

export interface TracingOptions extends ExportOptions {
  readonly sampling: Sampling;
  /** Attributes of the process, on all its spans. */
  readonly resource: Readonly<Record<string, string | number>>;
  readonly version: string;
  readonly systems: Tracing['systems'];
}

/** Purchases at the ledger at once, and orders not yet queued for their charge, which lingers for 50 ms. */
const DECISIONS_MAX = 20_000;

/**
 * OpenTelemetry's SDK, with spans made by hand: its instrumentations do not see Bun's server, and would follow each request with
 * AsyncLocalStorage. The head sampler is ours, because the SDK's decides after a context and ids were made.
 */
export function openTracing(options: TracingOptions): Tracing {
  const exported = createExport(options);
  const provider = new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(options.resource)),
    // Nothing is started that is not sampled.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [exported.processor],
  });
  const tracer = provider.getTracer('pulsecart', options.version);
  const samples = createSampler(options.sampling);

  function start(name: string, { kind, parent, links, attributes = {} }: SpanOptions): Span {
    const context = parent ? trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent)) : ROOT_CONTEXT;
    const span = tracer.startSpan(
      name,
      {
        kind: kind ? KINDS[kind] : SpanKind.INTERNAL,
        attributes,
        ...(links && { links: links.map(asLink) }),
      },
      context,
    );
    const { traceId, spanId } = span.spanContext();
    return {
      context: { traceId, spanId, state: parent?.state ?? '' },
      set: (attribute, value) => void span.setAttribute(attribute, value),
      fail(error) {
        const { code, name } = error as { code?: unknown; name?: unknown };
        span.setAttribute('error.type', String(code ?? name ?? 'error'));
        // No message: it may name customers or hosts.
        span.setStatus({ code: SpanStatusCode.ERROR });
      },
      end: () => span.end(),
    };
  }

  return {
    startRequest(name, headers, attributes) {
      const given = headers.get('traceparent');
      const parent = given === null ? null : readTraceparent(given, headers.get('tracestate'));
      if (!samples(parent)) return null;
      return start(name, { kind: 'server', parent: parent ?? undefined, attributes });
    },
    start,
    startSampled: (name, more) => (samples(null) ? start(name, more) : null),
    decisions: createBoundedMap(DECISIONS_MAX),
    systems: options.systems,
    stats: exported.stats,
    close: exported.close,
  };
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

function spanContextOf({ traceId, spanId, state }: TraceContext) {
  return {
    traceId,
    spanId,
    traceFlags: 1,
    isRemote: true,
    ...(state !== '' && { traceState: createTraceState(state) }),
  };
}

function asLink(context: TraceContext): Link {
  return { context: spanContextOf(context) };
}
