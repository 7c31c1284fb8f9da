import type { Span, Tracing } from '../ports/tracing.ts';
import { givenRequestId, startedTrace } from './respond.ts';

/** Begins the span of a request of one route; null when it is not sampled. */
export type TraceRequest = (req: Request) => Span | null;

/** Null where there is no collector. */
export function createTraceRequest(tracing: Tracing | null, target: `POST /${string}`): TraceRequest | null {
  if (tracing === null) return null;
  const [method, route] = target.split(' ') as [string, string];
  // A route without parameters: its path is the same for all requests.
  const attributes = {
    'http.request.method': method,
    'http.route': route,
    'url.path': route,
    'url.scheme': 'http',
    'network.protocol.name': 'http',
  };
  return (req) => {
    const span = tracing.startRequest(target, req.headers, attributes);
    if (span === null) return null;
    startedTrace(req, span.context.traceId);
    const requestId = givenRequestId(req);
    if (requestId !== null) span.set('pulsecart.request.id', requestId);
    return span;
  };
}

/** Ends a request's span with its answer, which it returns. */
export function endRequest(span: Span | null, answer: Response): Response {
  if (span === null) return answer;
  span.set('http.response.status_code', answer.status);
  if (answer.status >= 500) span.fail({ code: answer.status });
  span.end();
  return answer;
}
