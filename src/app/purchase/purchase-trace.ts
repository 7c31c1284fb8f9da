import { type Outcome, outcomeCode, type Purchase } from '../../domain/purchase.ts';
import type { Attributes, Span, SpanOptions, Tracing } from '../../ports/tracing.ts';

/**
 * Spans of the steps that purchases take together. Each sampled purchase has one for the step in its own trace, so that a trace shows
 * its whole way; a batch has one more, which begins a trace and links to those of the purchases in it. A batch without a sampled purchase
 * has none (null): nothing is made to find that out.
 */
export interface StepTrace {
  /** Ends the spans, those of purchases with their outcomes where there are some. */
  end(outcomes?: readonly (Outcome | Error)[]): void;
  fail(error: unknown): void;
}

type Traced = Pick<Purchase, 'id' | 'productId' | 'trace'>;

/** A claim at the gate, for purchases of one product; null also where the gate is in the process. */
export function traceClaim(
  tracing: Tracing,
  calls: readonly { readonly purchase: Traced }[],
): StepTrace | null {
  const { gate } = tracing.systems;
  if (gate === null || !calls.some(({ purchase }) => isSampled(purchase))) return null;
  const purchases = calls.map(({ purchase }) => purchase);
  const attributes = {
    'db.system.name': gate,
    'db.operation.name': 'claim',
    'db.operation.batch.size': purchases.length,
  };
  return traceStep(tracing, purchases, 'claim gate', { kind: 'client', attributes });
}

/** A batch at the ledger, and its purchases there. */
export function traceDecision(tracing: Tracing, purchases: readonly Traced[]): StepTrace | null {
  if (!purchases.some(isSampled)) return null;
  const batch = traceBatch(tracing, purchases, 'purchase batch', {
    attributes: { 'pulsecart.batch.size': purchases.length },
  });
  const step = traceStep(tracing, purchases, 'decide ledger', {
    kind: 'client',
    links: [batch.context],
    attributes: {
      'db.system.name': tracing.systems.ledger,
      'db.operation.name': 'decide',
      'db.operation.batch.size': purchases.length,
    },
    // Before the ledger answers: its changes are published, and new orders enqueued, before its caller has the answer.
    onStart: ({ id }, span) => tracing.decisions.set(id, span.context),
  });
  return {
    end(outcomes = []) {
      step.end(outcomes);
      batch.end();
      purchases.forEach(({ id, trace }, i) => {
        if (trace && !isNewOrder(outcomes[i])) tracing.decisions.delete(id);
      });
    },
    fail(error) {
      step.fail(error);
      batch.fail(error);
      batch.end();
      for (const { id, trace } of purchases) if (trace) tracing.decisions.delete(id);
    },
  };
}

function isNewOrder(outcome: Outcome | Error | undefined): boolean {
  return (
    outcome !== undefined && !(outcome instanceof Error) && outcome.kind === 'reserved' && !outcome.repeated
  );
}

/** Continues the traces of sampled purchases with spans for a message; the purchases that go on are the ones returned. */
export function traceMessage<P extends Traced>(
  tracing: Tracing,
  purchases: readonly P[],
  operation: 'send' | 'process',
): { readonly purchases: readonly P[]; readonly trace: StepTrace } | null {
  if (!purchases.some(isSampled)) return null;
  const attributes = {
    'messaging.system': tracing.systems.queue,
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': 'purchases',
    'messaging.batch.message_count': purchases.length,
  };
  const kind = operation === 'send' ? 'producer' : 'consumer';
  const batch =
    operation === 'send'
      ? null
      : traceBatch(tracing, purchases, 'receive purchases', {
          kind,
          attributes: {
            ...attributes,
            'messaging.operation.name': 'receive',
            'messaging.operation.type': 'receive',
          },
        });
  const continued = new Map<Traced, P>();
  const step = traceStep(tracing, purchases, `${operation} purchases`, {
    kind,
    ...(batch && { links: [batch.context] }),
    attributes,
    onStart: (purchase, span) => void continued.set(purchase, { ...(purchase as P), trace: span.context }),
  });
  return {
    purchases: purchases.map((purchase) => continued.get(purchase) ?? purchase),
    trace: {
      end(outcomes) {
        step.end(outcomes);
        batch?.end();
      },
      fail(error) {
        step.fail(error);
        batch?.fail(error);
        batch?.end();
      },
    },
  };
}

interface StepOptions extends Omit<SpanOptions, 'parent'> {
  readonly attributes: Attributes;
  readonly onStart?: (purchase: Traced, span: Span) => void;
}

function traceStep(
  tracing: Tracing,
  purchases: readonly Traced[],
  name: string,
  { onStart, attributes, ...options }: StepOptions,
): StepTrace {
  const spans: (readonly [at: number, span: Span])[] = [];
  for (let at = 0; at < purchases.length; at++) {
    const purchase = purchases[at]!;
    if (purchase.trace === undefined) continue;
    const own = { 'pulsecart.purchase.id': purchase.id, 'pulsecart.product.id': purchase.productId };
    const span = tracing.start(name, {
      ...options,
      parent: purchase.trace,
      attributes: { ...attributes, ...own },
    });
    onStart?.(purchase, span);
    spans.push([at, span]);
  }
  return {
    end(outcomes = []) {
      for (const [at, span] of spans) {
        const outcome = outcomes[at];
        if (outcome instanceof Error) span.fail(outcome);
        else if (outcome !== undefined) span.set('pulsecart.outcome', outcomeCode(outcome));
        span.end();
      }
    },
    fail(error) {
      for (const [, span] of spans) {
        span.fail(error);
        span.end();
      }
    },
  };
}

function traceBatch(
  tracing: Tracing,
  purchases: readonly Traced[],
  name: string,
  options: Omit<SpanOptions, 'parent' | 'links'>,
): Span {
  const links = purchases.flatMap(({ trace }) => trace ?? []);
  return tracing.start(name, { ...options, links });
}

function isSampled({ trace }: Traced): boolean {
  return trace !== undefined;
}
