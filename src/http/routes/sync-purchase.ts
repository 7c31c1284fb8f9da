import { AppError, isAppError } from '../../domain/errors.ts';
import { amountMinor } from '../../domain/order.ts';
import { available } from '../../domain/product.ts';
import {
  type Outcome,
  outcomeCode,
  type Purchase,
  type Reservation,
  refusalMessage,
} from '../../domain/purchase.ts';
import type { Span } from '../../ports/tracing.ts';
import type { PurchasePass } from '../limits/pass.ts';
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
  failure,
  isoTime,
  logFailure,
  messageOf,
  purchaseInit,
  requestIdOf,
} from '../respond.ts';
import { jsonAnswer, type Route, routesOf } from '../route.ts';
import { ErrorAnswer } from '../schemas.ts';
import type { Service } from '../service.ts';
import { keyMismatch, unknownProduct } from './inputs.ts';
import {
  BOUGHT,
  IN_FLIGHT,
  OUTCOME_UNKNOWN,
  OVERLOADED,
  PurchaseAnswer,
  SOLD_OUT,
} from './purchase-answer.ts';

type Answer = Response | Promise<Response>;

const route = routesOf('sync', 'own');
const TARGET = 'POST /api/v1/sync/purchase';

/** The synchronous way to buy: the answer is the outcome. */
export function createSyncPurchaseRoute(service: Service): Route {
  const { batcher, stockCache, ids, clock, metrics, log, purchaseTimeoutMs, buyers } = service;
  /** Keyed requests whose outcome is not known yet: a concurrent duplicate is told so instead of waiting. */
  const keysUnderWay = new Set<string>();
  const trace = createTraceRequest(service.traces ?? null, TARGET);
  const limits = service.limits ? createPurchaseLimits(service.limits, 'sync', buyers) : null;

  function purchase(req: Request, server: Bun.Server<unknown>): Answer {
    const arrivedAtMs = performance.now();
    const span = trace === null ? null : trace(req);
    const reading = limits === null ? readPurchase(req, server, 'sync', buyers) : limits.read(req, server);
    if (reading instanceof Response) return endRequest(span, metrics.refusedInput(reading));
    // One promise for the whole request: each promise returned from `then` would delay the purchase by several turns.
    return new Promise((resolve) => {
      const respond = span === null ? resolve : (answer: Response) => resolve(endRequest(span, answer));
      const fail = (error: unknown) => {
        metrics.answered('sync', 'internal_error', null);
        respond(failedRequest(req, error, log));
      };
      reading.then((read) => {
        if (read instanceof Response) respond(metrics.refusedInput(read));
        else buy(req, read, arrivedAtMs, span, respond, fail);
      }, fail);
    });
  }

  function buy(
    req: Request,
    { productId, quantity, customer, key, expectedPriceMinor, pass }: PurchaseRequest,
    arrivedAtMs: number,
    span: Span | null,
    respond: (response: Response) => void,
    reject: (error: unknown) => void,
  ): void {
    let keyUnderWay: string | null = null;
    if (key === null) {
      const product = stockCache.fresh(productId);
      // A fresh row without free units of a sale that is open says sold out, without asking the ledger.
      if (product && available(product) === 0 && !stockCache.refuses(productId)) {
        metrics.answered('sync', 'sold_out', arrivedAtMs);
        span?.set('pulsecart.outcome', 'sold_out');
        respond(shown(pass, refused(productId, quantity, 'sold_out', 0, clock())));
        return;
      }
    } else {
      keyUnderWay = `${key.scope}\n${key.value}`;
      if (keysUnderWay.has(keyUnderWay)) {
        metrics.answered('sync', 'in_flight', arrivedAtMs);
        respond(inFlight(req));
        return;
      }
      keysUnderWay.add(keyUnderWay);
    }
    const id = ids.mint('sync');
    const acceptedAt = clock();
    const decideBy = acceptedAt + purchaseTimeoutMs;
    const purchase: Purchase = {
      id,
      productId,
      quantity,
      customer,
      expectedPriceMinor,
      channel: 'sync',
      key,
      acceptedAt,
      decideBy,
      refusal: null,
    };
    span?.set('pulsecart.purchase.id', id);
    span?.set('pulsecart.product.id', productId);
    batcher.enter({
      purchase: span === null ? purchase : { ...purchase, trace: span.context },
      arrivedAtMs,
      stage: 'inside',
      isGone: () => req.signal.aborted,
      answer(outcome) {
        this.resolved();
        span?.set('pulsecart.outcome', outcomeCode(outcome));
        if (limits !== null && outcome.kind === 'reserved') limits.answered(pass, outcome.order.id !== id);
        respond(shown(pass, answer(req, this.purchase, outcome, arrivedAtMs)));
      },
      fail(error) {
        if (!isAppError(error, 'outcome_unknown')) this.resolved();
        span?.set('pulsecart.outcome', error instanceof AppError ? error.code : 'internal_error');
        if (error instanceof AppError) respond(failed(req, this.purchase, error));
        else reject(error);
      },
      resolved() {
        if (keyUnderWay !== null) keysUnderWay.delete(keyUnderWay);
      },
    });
  }

  function shown(pass: PurchasePass | undefined, answer: Response): Response {
    return limits === null ? answer : limits.shown(pass, answer);
  }

  function answer(req: Request, purchase: Purchase, outcome: Outcome, arrivedAtMs: number): Response {
    const { productId, quantity } = purchase;
    switch (outcome.kind) {
      case 'reserved':
        metrics.answered('sync', 'reserved', arrivedAtMs);
        return granted(purchase, outcome.order);
      case 'refused':
        metrics.answered('sync', outcome.code, arrivedAtMs);
        if (outcome.code === 'unknown_product') return unknownProduct(req, productId);
        return refused(productId, quantity, outcome.code, outcome.available, clock());
      case 'mismatch':
        metrics.answered('sync', 'idempotency_mismatch', arrivedAtMs);
        return keyMismatch(req);
      case 'superseded':
        metrics.answered('sync', 'in_flight', arrivedAtMs);
        return inFlight(req);
    }
  }

  function failed(req: Request, purchase: Purchase, error: AppError): Response {
    metrics.answered('sync', error.code, null);
    logFailure(req, error, log);
    const body = {
      success: false,
      message: messageOf(error),
      orderId: error.code === 'outcome_unknown' ? purchase.id : null,
      productId: purchase.productId,
      quantity: purchase.quantity,
      remainingStock: stockCache.stock(purchase.productId)?.available ?? 0,
      timestamp: isoTime(clock()),
      code: error.code,
      requestId: requestIdOf(req),
    };
    return new Response(JSON.stringify(body), purchaseInit(503));
  }

  return route(TARGET, {
    id: 'buy',
    summary: 'Buy (sync)',
    description: 'The answer is the outcome: the order, or the refusal.',
    ...PURCHASE_INPUT,
    answers: {
      200: jsonAnswer('The order is committed to disk', PurchaseAnswer, { bought: BOUGHT }),
      ...BAD_PURCHASE_INPUT,
      409: jsonAnswer(
        'Refused: `sold_out`, `limit_reached`, `sale_not_open`, `sale_closed`, `sale_paused`, `price_changed` or ' +
          '`customer_required`. ' +
          'Or `in_flight`: the first request with this key is still under way.',
        { anyOf: [PurchaseAnswer, ErrorAnswer] },
        { sold_out: SOLD_OUT, in_flight: IN_FLIGHT },
        ['Retry-After'],
      ),
      503: jsonAnswer(
        '`overloaded` or `unavailable`: nothing was done. `outcome_unknown`: perhaps bought; orderId tells it later.',
        PurchaseAnswer,
        { overloaded: OVERLOADED, outcome_unknown: OUTCOME_UNKNOWN },
        ['Retry-After'],
      ),
    },
    limitsItself: true,
    handle: purchase,
  });
}

/** Written by hand: every value is a number, an id of ours or a currency's three letters, so nothing needs escaping. */
function granted({ productId, quantity }: Purchase, order: Reservation): Response {
  const { id, remaining, createdAt, priceMinor, currency } = order;
  return new Response(
    `{"success":true,"message":"Purchase successful","orderId":"${id}","productId":${productId},` +
      `"quantity":${quantity},"remainingStock":${remaining},"timestamp":"${isoTime(createdAt)}",` +
      `"amountMinor":${amountMinor({ quantity, priceMinor })},"currency":"${currency}"}`,
    purchaseInit(200),
  );
}

function refused(
  productId: number,
  quantity: number,
  code: Extract<Outcome, { kind: 'refused' }>['code'],
  free: number,
  nowMs: number,
): Response {
  return new Response(
    `{"success":false,"message":"${refusalMessage(code, quantity, free)}","orderId":null,"productId":${productId},` +
      `"quantity":${quantity},"remainingStock":${free},"timestamp":"${isoTime(nowMs)}","code":"${code}"}`,
    purchaseInit(409),
  );
}

function inFlight(req: Request): Response {
  return failure(req, 'in_flight', 'A request with this Idempotency-Key is still being carried out');
}
