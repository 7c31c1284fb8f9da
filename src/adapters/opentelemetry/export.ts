import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Log } from '../../lib/log.ts';
import type { Tracing } from '../../ports/tracing.ts';

export interface ExportOptions {
  /** Where spans are posted to. */
  readonly url: string;
  /** The longest time of one post, with its retries. */
  readonly timeoutMs: number;
  /** Spans that wait to be sent; further ones are dropped. */
  readonly queueMax: number;
  /** Spans in one post. */
  readonly batchMax: number;
  readonly delayMs: number;
  readonly exportTimeoutMs: number;
  /** Gets what the exporter finds wrong with its settings, and how many spans were dropped: once a minute at most, and at the end. */
  readonly log: Log;
}

const REPORT_EVERY_MS = 60_000;
/** How long the end of the process waits for the collector. */
const CLOSE_MS = 2_000;

/**
 * The SDK's batches and exporter, which bound memory and time, but do not say how many spans they lose. So spans are counted where they
 * go in and where they come out, and the bound of the queue is kept here.
 */
export function createExport(options: ExportOptions) {
  const { url, timeoutMs, queueMax, batchMax, delayMs, exportTimeoutMs, log } = options;
  // Its errors are the reasons of dropped spans.
  const silent = () => {};
  diag.setLogger(
    {
      error: silent,
      warn: (sentence) => log.warn(`traces: ${sentence}`),
      info: silent,
      debug: silent,
      verbose: silent,
    },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
  const stats = { exported: 0, dropped: 0 };
  /** Spans in the SDK's queue, and those being sent. */
  let waiting = 0;
  let sending = 0;
  let reason = 'the queue is full';
  let reported = 0;
  let reportedAtMs = Number.NEGATIVE_INFINITY;

  function drop(count: number): void {
    stats.dropped += count;
    if (performance.now() - reportedAtMs >= REPORT_EVERY_MS) report();
  }

  function report(): void {
    if (stats.dropped === reported) return;
    const dropped = stats.dropped - reported;
    log.warn({ dropped, reason }, 'spans dropped: the collector is away, or takes fewer than are made');
    reported = stats.dropped;
    reportedAtMs = performance.now();
  }

  const otlp = new OTLPTraceExporter({ url, timeoutMillis: timeoutMs });
  const exporter: SpanExporter = {
    export(spans, done) {
      waiting -= spans.length;
      sending += spans.length;
      otlp.export(spans, (result) => {
        sending -= spans.length;
        if (result.code === 0) stats.exported += spans.length;
        else {
          reason = reasonOf(result.error);
          drop(spans.length);
        }
        done(result);
      });
    },
    shutdown: () => otlp.shutdown(),
  };
  const batches = new BatchSpanProcessor({
    exporter,
    maxQueueSize: queueMax,
    maxExportBatchSize: batchMax,
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: exportTimeoutMs,
  });
  const processor: SpanProcessor = {
    onStart: (span, context) => batches.onStart(span, context),
    onEnd(span) {
      if (waiting >= queueMax) {
        drop(1);
        return;
      }
      waiting++;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };

  return {
    processor,
    stats: stats satisfies Tracing['stats'],
    async close(): Promise<void> {
      const rest = batches.shutdown().catch(() => {});
      let timer: Timer | undefined;
      await Promise.race([rest, new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)))]);
      clearTimeout(timer);
      stats.dropped += waiting + sending;
      report();
    },
  };
}

/** The innermost error is the one that says why. */
function reasonOf(error: Error | undefined): string {
  let inner = error;
  while (inner?.cause instanceof Error) inner = inner.cause;
  return (inner?.message || 'no answer').slice(0, REASON_CHARS_MAX);
}

const REASON_CHARS_MAX = 200;
