import Type from 'typebox';
import { type Accepted, UnknownAcceptance } from '../../app/purchase/intake.ts';
import { AppError } from '../../domain/errors.ts';
import { createPurchaseLimits } from '../limits/purchases.ts';
import {
  BAD_PURCHASE_INPUT,
  PURCHASE_INPUT,
  type PurchaseRequest,
  readPurchase,
} from '../purchase-request.ts';
import { createTraceRequest, endRequest } from '../request-trace.ts';
import {
  failed as failedRequest,
  isoTime,
  JSON_HEADERS,
  logFailure,
  messageOf,
  purchaseInit,
  requestIdOf,
} from '../respond.ts';
import { jsonAnswer, type Route, routesOf } from '../route.ts';
import { nullable, ProductId, Quantity, shape, Timestamp, Uuid } from '../schemas.ts';
import type { Service } from '../service.ts';
import { keyMismatch, unknownProduct } from './inputs.ts';
import { TRACKING_ID } from './tracking.ts';

type Answer = Response | Promise<Response>;

const AcceptanceAnswer = shape('AcceptanceAnswer', '', {
  accepted: Type.Boolean(),
  message: Type.String(),
  trackingId: nullable(Uuid),
  productId: ProductId,
  quantity: Quantity,
  timestamp: Timestamp,
  code: Type.Optional(Type.String()),
  requestId: Type.Optional(Type.String({ description: 'Of a 503' })),
});

const ACCEPTED = {
  accepted: true,
  message: 'Purchase request accepted',
  trackingId: TRACKING_ID,
  productId: 3,
  quantity: 2,
  timestamp: '2026-11-22T16:20:14.901Z',
};
const UNAVAILABLE = {
  ...ACCEPTED,
  accepted: false,
  message: 'This cannot be done now. Nothing was done.',
  trackingId: null,
  code: 'unavailable',
};

const route = routesOf('async', 'own');
const TARGET = 'POST /api/v1/async/purchase';

/** The asynchronous way to buy: the answer is that the purchase will be decided, and where to hear the outcome. */
export function createAsyncPurchaseRoute(service: Service): Route {
  const { intake, clock, metrics, log, buyers, traces = null } = service;
  const trace = createTraceRequest(traces, TARGET);
  const limits = service.limits ? createPurchaseLimits(service.limits, 'async', buyers) : null;

  function purchase(req: Request, server: Bun.Server<unknown>): Answer {
    const arrivedAtMs = performance.now();
    const span = trace === null ? null : trace(req);
    const reading = limits === null ? readPurchase(req, server, 'async', buyers) : limits.read(req, server);
    if (reading instanceof Response) return endRequest(span, metrics.refusedInput(reading));
    return new Promise((resolve) => {
      const respond = span === null ? resolve : (answer: Response) => resolve(endRequest(span, answer));
      const fail = (error: unknown) => {
        metrics.answered('async', 'internal_error', null);
        respond(failedRequest(req, error, log));
      };
      reading.then((read) => {
        if (read instanceof Response) {
          respond(metrics.refusedInput(read));
          return;
        }
        span?.set('pulsecart.product.id', read.productId);
        intake
          .accept(span === null ? read : { ...read, trace: span.context }, () => req.signal.aborted)
          .then(
            (accepted) => {
              span?.set('pulsecart.outcome', accepted.kind);
              if (accepted.kind === 'accepted') span?.set('pulsecart.purchase.id', accepted.trackingId);
              if (limits === null) {
                respond(answer(req, read, accepted, arrivedAtMs));
                return;
              }
              if (accepted.kind === 'accepted') limits.answered(read.pass, accepted.isRepeat ?? false);
              respond(limits.shown(read.pass, answer(req, read, accepted, arrivedAtMs)));
            },
            (error) => {
              span?.set('pulsecart.outcome', error instanceof AppError ? error.code : 'internal_error');
              if (error instanceof AppError) respond(failed(req, read, error));
              else fail(error);
            },
          );
      }, fail);
    });
  }

  function answer(req: Request, request: PurchaseRequest, accepted: Accepted, arrivedAtMs: number): Response {
    switch (accepted.kind) {
      case 'accepted':
        metrics.answered('async', 'accepted', arrivedAtMs);
        return taken(request, accepted.trackingId, accepted.acceptedAt);
      case 'mismatch':
        metrics.answered('async', 'idempotency_mismatch', arrivedAtMs);
        return keyMismatch(req);
      case 'unknown_product':
        metrics.answered('async', 'unknown_product', arrivedAtMs);
        return unknownProduct(req, request.productId);
    }
  }

  function failed(req: Request, { productId, quantity }: PurchaseRequest, error: AppError): Response {
    metrics.answered('async', error.code, null);
    const trackingId = error instanceof UnknownAcceptance ? error.trackingId : null;
    const { code } = error;
    logFailure(req, error, log);
    const body = {
      accepted: false,
      message: messageOf(error),
      trackingId,
      productId,
      quantity,
      timestamp: isoTime(clock()),
      code,
      requestId: requestIdOf(req),
    };
    return new Response(JSON.stringify(body), purchaseInit(503));
  }

  return route(TARGET, {
    id: 'accept',
    summary: 'Buy (async)',
    description:
      'The answer is a tracking id; the outcome is heard under it. Also accepted when the units are already gone or the sale is closed; the outcome is then `rejected`.',
    ...PURCHASE_INPUT,
    answers: {
      202: jsonAnswer('The queue has durably taken the purchase', AcceptanceAnswer, { accepted: ACCEPTED }, [
        'Location',
      ]),
      ...BAD_PURCHASE_INPUT,
      503: jsonAnswer(
        '`overloaded` or `unavailable`: not taken. `outcome_unknown`: perhaps taken; trackingId tells it later.',
        AcceptanceAnswer,
        { unavailable: UNAVAILABLE },
        ['Retry-After'],
      ),
    },
    limitsItself: true,
    handle: purchase,
  });
}

/** Written by hand: every value is a number or an id of ours, so nothing needs escaping. */
function taken({ productId, quantity }: PurchaseRequest, trackingId: string, acceptedAt: number): Response {
  return new Response(
    `{"accepted":true,"message":"Purchase request accepted","trackingId":"${trackingId}","productId":${productId},` +
      `"quantity":${quantity},"timestamp":"${isoTime(acceptedAt)}"}`,
    {
      status: 202,
      headers: {
        ...JSON_HEADERS,
        'Cache-Control': 'no-store',
        Location: `/api/v1/async/purchase/${trackingId}`,
      },
    },
  );
}
