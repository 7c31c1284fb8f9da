import { type Accepted, UnknownAcceptance } from '../app/purchase/intake.ts';
import { AppError } from '../domain/errors.ts';
import { inTime } from './probe.ts';
import { type PurchaseRequest, readPurchase } from './purchase-request.ts';
import { purchasesIn } from './queue-figures.ts';
import {
  cannotServe,
  failed as failedRequest,
  isoTime,
  json,
  logFailure,
  messageOf,
  problem,
  purchaseInit,
  requestIdOf,
  text,
} from './respond.ts';
import { WAIT_PATTERN, WAIT_S_MAX } from './schemas.ts';
import type { Service } from './service.ts';
import { keyMismatch, unknownProduct } from './sync-routes.ts';

type Answer = Response | Promise<Response>;
type TrackingRequest = Request & { readonly params: { readonly trackingId: string } };

const WAIT = new RegExp(WAIT_PATTERN);

/** The asynchronous way: the answer is that the purchase will be decided, and where to hear the outcome. */
export function createAsyncRoutes(service: Service) {
  const { intake, tracking, queue, ledger, clock, metrics, log } = service;

  function purchase(req: Request): Answer {
    const arrivedAtMs = performance.now();
    const wish = readPurchase(req, 'async');
    if (wish instanceof Response) return metrics.refusedInput(wish);
    return new Promise((respond) => {
      const fail = (error: unknown) => {
        metrics.answered('async', 'internal_error', null);
        respond(failedRequest(req, error, log));
      };
      wish.then((read) => {
        if (read instanceof Response) {
          respond(metrics.refusedInput(read));
          return;
        }
        intake
          .accept(read, () => req.signal.aborted)
          .then(
            (accepted) => respond(answer(req, read, accepted, arrivedAtMs)),
            (error) => (error instanceof AppError ? respond(failed(req, read, error)) : fail(error)),
          );
      }, fail);
    });
  }

  function answer(req: Request, wish: PurchaseRequest, accepted: Accepted, arrivedAtMs: number): Response {
    switch (accepted.kind) {
      case 'accepted':
        metrics.answered('async', 'accepted', arrivedAtMs);
        return taken(wish, accepted.trackingId, accepted.acceptedAt);
      case 'mismatch':
        metrics.answered('async', 'idempotency_mismatch', arrivedAtMs);
        return keyMismatch(req);
      case 'unknown_product':
        metrics.answered('async', 'unknown_product', arrivedAtMs);
        return unknownProduct(req, wish.productId);
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

  async function read(req: TrackingRequest, server: Bun.Server<unknown>): Promise<Response> {
    const waitMs = readWaitMs(req);
    if (waitMs === null) {
      return problem(
        req,
        'invalid_request',
        `wait must be a whole number of seconds from 0 to ${WAIT_S_MAX}, like 10s`,
        { field: 'wait' },
      );
    }
    if (waitMs > 0) server.timeout(req, WAIT_S_MAX + 10);
    // UUIDs are the same in any case (RFC 9562, 4).
    const trackingId = req.params.trackingId.toLowerCase();
    const tracked = await tracking.read(trackingId, waitMs);
    if (!tracked) return problem(req, 'not_found', 'There is no purchase with this tracking id');
    const { status, code, message, productId, quantity, price, updatedAt } = tracked;
    return json(
      {
        trackingId,
        status,
        ...(status === 'confirmed' && { orderId: trackingId }),
        ...(code && { code }),
        message,
        ...(productId !== null && { productId, quantity }),
        ...price,
        updatedAt: isoTime(updatedAt),
      },
      200,
      { 'Cache-Control': 'no-store' },
    );
  }

  async function queueStatus(): Promise<Response> {
    const [queues, counts] = await Promise.all([queue.status(), ledger.asyncCounts()]);
    const dead = queues.map(({ deadLetters }) => deadLetters);
    return json({
      queues: queues.map(({ deadLetters: _, unit: __, ...figures }) => figures),
      purchases: purchasesIn(queues, counts),
      deadLetters: {
        count: dead.reduce((sum, { count }) => sum + count, 0),
        oldestAgeMs: Math.max(0, ...dead.map(({ oldestAgeMs }) => oldestAgeMs)),
      },
    });
  }

  async function health(req: Request): Promise<Response> {
    try {
      if (!service.isReady()) throw new Error('it is shutting down');
      await inTime(Promise.all([ledger.ping(), queue.ping()]));
      return text('Async Purchase Service is running');
    } catch (error) {
      const why = service.isReady() ? 'its database or its queue cannot be used now' : 'it is shutting down';
      return cannotServe(req, 'Async Purchase Service', why, error, log);
    }
  }

  return {
    '/api/v1/async/purchase': { POST: purchase },
    '/api/v1/async/purchase/:trackingId': { GET: read },
    '/api/v1/async/queue/status': { GET: queueStatus },
    '/api/v1/async/health': { GET: health },
  };
}

/** Written by hand: every value is a number or an id of ours, so nothing needs escaping. */
function taken({ productId, quantity }: PurchaseRequest, trackingId: string, acceptedAt: number): Response {
  return new Response(
    `{"accepted":true,"message":"Purchase request accepted","trackingId":"${trackingId}","productId":${productId},` +
      `"quantity":${quantity},"timestamp":"${isoTime(acceptedAt)}"}`,
    {
      status: 202,
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        Location: `/api/v1/async/purchase/${trackingId}`,
      },
    },
  );
}

/** Milliseconds of `?wait=10s` (or `wait=10`), 0 without it, null when it is something else. */
function readWaitMs(req: Request): number | null {
  const wait = /[?&]wait=([^&#]*)/.exec(req.url)?.[1];
  if (wait === undefined) return 0;
  const seconds = WAIT.exec(wait)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}
