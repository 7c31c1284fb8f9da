import type { TraceContext } from '../domain/trace-context.ts';

/**
 * Spans of sampled purchases, sent to a collector. A process without a collector has no Tracing at all (null), and what is not sampled
 * has no spans (null), so that both cost a comparison. Contexts are passed by hand: on purchases, and in the bodies of messages.
 *
 * Nothing here throws, waits or fails: a span that cannot be sent is dropped and counted.
 */
export interface Tracing {
  /** The span of a request, in its caller's trace where it has one; null when it is not sampled. */
  startRequest(name: string, headers: Pick<Headers, 'get'>, attributes: Attributes): Span | null;
  /** A span in a sampled trace; without a parent the first one of its own. */
  start(name: string, options: SpanOptions): Span;
  /** The first span of a trace; null when it is not sampled. */
  startSampled(name: string, options: Omit<SpanOptions, 'parent'>): Span | null;
  /** The spans of sampled purchases that are being decided, or have an order that is not yet queued for its charge. */
  readonly decisions: Decisions;
  /** The systems behind the ports, by the names of the semantic conventions; null: in the process, where a span would show nothing. */
  readonly systems: {
    readonly ledger: string;
    readonly gate: string | null;
    readonly queue: string;
    readonly feed: string | null;
  };
  readonly stats: { readonly exported: number; readonly dropped: number };
  /** Sends the rest, within two seconds. */
  close(): Promise<void>;
}

export interface Span {
  readonly context: TraceContext;
  set(attribute: string, value: Value): void;
  /** Marks it as failed. */
  fail(error: unknown): void;
  /** Once, as its last call. */
  end(): void;
}

export interface SpanOptions {
  readonly kind?: 'server' | 'client' | 'producer' | 'consumer';
  readonly parent?: TraceContext | undefined;
  /** Other spans that it belongs to; of more than 128 the first ones are kept. */
  readonly links?: readonly TraceContext[];
  readonly attributes?: Attributes;
}

type Value = string | number | boolean;
export type Attributes = Readonly<Record<string, Value>>;

/** By purchase id. Bounded: the oldest ones are forgotten, and their charges begin traces of their own. */
export interface Decisions {
  set(purchaseId: string, context: TraceContext): void;
  get(purchaseId: string): TraceContext | undefined;
  delete(purchaseId: string): void;
  readonly size: number;
}
