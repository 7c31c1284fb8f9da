import type { TraceContext } from '../../domain/trace-context.ts';
import type { LeasedOrder } from '../../ports/payments.ts';
import type { Span, Tracing } from '../../ports/tracing.ts';
import type { Answer } from './call-provider.ts';

/** The spans of sampled orders on their way to the payments queue. */
export interface EnqueueTrace {
  contextsOf(orderIds: readonly string[]): ReadonlyMap<string, TraceContext>;
  end(): void;
  fail(error: unknown): void;
}

/** Null when none of the orders is sampled. */
export function traceEnqueue(tracing: Tracing, orderIds: readonly string[]): EnqueueTrace | null {
  const { decisions, systems } = tracing;
  if (decisions.size === 0) return null;
  const spans = new Map<string, Span>();
  for (const orderId of orderIds) {
    const parent = decisions.get(orderId);
    if (!parent) continue;
    decisions.delete(orderId);
    const attributes = {
      'messaging.system': systems.queue,
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': 'payments',
      'messaging.batch.message_count': orderIds.length,
      'pulsecart.order.id': orderId,
    };
    spans.set(orderId, tracing.start('send payments', { kind: 'producer', parent, attributes }));
  }
  if (spans.size === 0) return null;
  return {
    contextsOf(some) {
      const contexts = new Map<string, TraceContext>();
      for (const orderId of some) {
        const span = spans.get(orderId);
        if (span) contexts.set(orderId, span.context);
      }
      return contexts;
    },
    end() {
      for (const span of spans.values()) span.end();
    },
    fail(error) {
      for (const span of spans.values()) {
        span.fail(error);
        span.end();
      }
    },
  };
}

/**
 * The span of a call of the payment company, in the trace that came with the order's message. Without one (the sweep has found the
 * order, or an attempt is repeated, or the purchase was not sampled) it is the first of a trace, if that is sampled.
 */
export function traceCharge(
  tracing: Tracing,
  { order, attempt, leases }: LeasedOrder,
  parent: TraceContext | undefined,
): { end(answer: Answer): void } | null {
  const attributes = {
    'pulsecart.order.id': order.id,
    'pulsecart.product.id': order.productId,
    'pulsecart.payment.attempt': attempt,
    'pulsecart.payment.lease': leases,
  };
  const span = parent
    ? tracing.start('charge payment', { kind: 'client', parent, attributes })
    : tracing.startSampled('charge payment', { kind: 'client', attributes });
  if (span === null) return null;
  return {
    end(answer) {
      span.set('pulsecart.outcome', answer?.type ?? 'unanswered');
      if (answer === null || answer.type === 'attempt_failed')
        span.fail({ code: answer?.type ?? 'unanswered' });
      span.end();
    },
  };
}
