import { AppError, isAppError } from '../domain/errors.ts';
import { amountMinor, type Order } from '../domain/order.ts';
import { available, type Product, UNITS_MAX } from '../domain/product.ts';
import { type Outcome, type Purchase, refusalMessage } from '../domain/purchase.ts';
import { within } from '../lib/within.ts';
import { hasAlready } from './conditional.ts';
import { withKey } from './operation-key.ts';
import { readBareOperation } from './operator-request.ts';
import { inTime } from './probe.ts';
import { type PurchaseRequest, readPurchase } from './purchase-request.ts';
import {
  cannotServe,
  failed as failedRequest,
  failure,
  isoTime,
  logFailure,
  messageOf,
  purchaseInit,
  requestIdOf,
  text,
} from './respond.ts';
import type { Service } from './service.ts';
import { queryOf } from './target.ts';

type Answer = Response | Promise<Response>;
type ProductRequest = Request & { readonly params: { readonly productId: string } };

/** The synchronous way: the answer is the outcome. */
export function createSyncRoutes(service: Service) {
  const { batcher, stockCache, ids, clock, ledger, metrics, sales, log, purchaseTimeoutMs } = service;
  /** Keyed requests whose outcome is not known yet: a twin that arrives meanwhile is told so instead of waiting. */
  const keysUnderWay = new Set<string>();
  const stockAnswers = new Map<number, { version: number; body: string; init: ResponseInit }>();

  function purchase(req: Request): Answer {
    const arrivedAtMs = performance.now();
    const wish = readPurchase(req, 'sync');
    if (wish instanceof Response) return metrics.refusedInput(wish);
    // One promise for the whole request: returning promises from `then` callbacks would cost several turns each.
    return new Promise((respond) => {
      const fail = (error: unknown) => {
        metrics.answered('sync', 'internal_error', null);
        respond(failedRequest(req, error, log));
      };
      wish.then((read) => {
        if (read instanceof Response) respond(metrics.refusedInput(read));
        else buy(req, read, arrivedAtMs, respond, fail);
      }, fail);
    });
  }

  function buy(
    req: Request,
    { productId, quantity, customer, key, expectedPriceMinor }: PurchaseRequest,
    arrivedAtMs: number,
    respond: (response: Response) => void,
    reject: (error: unknown) => void,
  ): void {
    let keyUnderWay: string | null = null;
    if (key === null) {
      const product = stockCache.fresh(productId);
      // After the sell-out the crowd is answered from memory, as long as the sale itself would let it in.
      if (product && available(product) === 0 && !stockCache.refuses(productId)) {
        metrics.answered('sync', 'sold_out', arrivedAtMs);
        respond(refused(productId, quantity, 'sold_out', 0, clock()));
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
    batcher.enter({
      purchase: {
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
      },
      arrivedAtMs,
      stage: 'inside',
      isGone: () => req.signal.aborted,
      answer(outcome) {
        this.resolved();
        respond(answer(req, this.purchase, outcome, arrivedAtMs));
      },
      fail(error) {
        if (!isAppError(error, 'outcome_unknown')) this.resolved();
        if (error instanceof AppError) respond(failed(req, this.purchase, error));
        else reject(error);
      },
      resolved() {
        if (keyUnderWay !== null) keysUnderWay.delete(keyUnderWay);
      },
    });
  }

  function answer(req: Request, wish: Purchase, outcome: Outcome, arrivedAtMs: number): Response {
    const { productId, quantity } = wish;
    switch (outcome.kind) {
      case 'reserved':
        metrics.answered('sync', 'reserved', arrivedAtMs);
        return granted(outcome.order);
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

  function failed(req: Request, wish: Purchase, error: AppError): Response {
    metrics.answered('sync', error.code, null);
    logFailure(req, error, log);
    const body = {
      success: false,
      message: messageOf(error),
      orderId: error.code === 'outcome_unknown' ? wish.id : null,
      productId: wish.productId,
      quantity: wish.quantity,
      remainingStock: stockCache.stock(wish.productId)?.available ?? 0,
      timestamp: isoTime(clock()),
      code: error.code,
      requestId: requestIdOf(req),
    };
    return new Response(JSON.stringify(body), purchaseInit(503));
  }

  function stock(req: ProductRequest): Answer {
    const productId = readProductId(req);
    if (productId === null) return unknownProduct(req, req.params.productId);
    const product = stockCache.fresh(productId);
    if (product) return stockAnswer(req, product);
    const asked = stockCache.refresh(productId);
    const known = stockCache.last(productId) !== undefined;
    return (known ? within(asked, STOCK_PATIENCE_MS) : asked).then(
      (read) => (read ? stockAnswer(req, read) : unknownProduct(req, productId)),
      (error) => staleStock(req, productId, error),
    );
  }

  /** While the ledger is away the last known figure is better than none; its `Age` says how old it is (RFC 9111, 5.1). */
  function staleStock(req: Request, productId: number, error: unknown): Response {
    const last = stockCache.last(productId);
    if (!last) throw error;
    const answer = stockAnswer(req, last.product);
    const headers = new Headers(answer.headers);
    headers.set('Age', String(Math.ceil(last.ageMs / 1000)));
    return new Response(answer.body, { status: answer.status, headers });
  }

  function stockAnswer(req: Request, product: Product): Response {
    let kept = stockAnswers.get(product.id);
    if (kept?.version !== product.version) {
      const etag = `"${product.version}"`;
      kept = {
        version: product.version,
        body: `{"productId":${product.id},"stock":${available(product)}}`,
        init: {
          headers: new Headers({
            'Content-Type': 'application/json',
            ETag: etag,
            'Cache-Control': 'no-cache',
          }),
        },
      };
      stockAnswers.set(product.id, kept); // one entry per product
    }
    if (hasAlready(req, `"${product.version}"`)) return new Response(null, { ...kept.init, status: 304 });
    return new Response(kept.body, kept.init);
  }

  async function init(req: ProductRequest, server: Bun.Server<unknown>): Promise<Response> {
    const asked = readBareOperation(req, server, service, 'stock.init');
    if (asked instanceof Response) return asked;
    const productId = readProductId(req);
    const product =
      productId === null ? undefined : await sales.init(productId, asked(`product/${productId}`));
    if (!product) return unknownProduct(req, req.params.productId);
    return text(`Stock initialized for product: ${product.id}`);
  }

  async function reset(req: ProductRequest, server: Bun.Server<unknown>): Promise<Response> {
    const asked = readBareOperation(req, server, service, 'stock.reset');
    if (asked instanceof Response) return asked;
    const stock = queryOf(req).get('stock');
    if (stock === null || !/^\d{1,10}$/.test(stock) || Number(stock) > UNITS_MAX) {
      return failure(req, 'invalid_request', `stock must be a whole number from 0 to ${UNITS_MAX}`, {
        field: 'stock',
      });
    }
    const units = Number(stock);
    const productId = readProductId(req);
    if (productId === null) return unknownProduct(req, req.params.productId);
    const reset = asked(`product/${productId}`, { units });
    const operation = withKey(req, reset, { units, reason: reset.reason }, failure);
    if (operation instanceof Response) return operation;
    const step = await sales.reset(productId, units, operation);
    if (step.kind === 'done') return text(`Stock reset to ${units} for product: ${productId}`);
    return step.code === 'idempotency_mismatch' ? keyMismatch(req) : unknownProduct(req, productId);
  }

  async function health(req: Request): Promise<Response> {
    try {
      if (!service.isReady()) throw new Error('it is shutting down');
      await inTime(ledger.ping());
      return text('Sync Purchase Service is running');
    } catch (error) {
      const why = service.isReady() ? 'its database cannot be used now' : 'it is shutting down';
      return cannotServe(req, 'Sync Purchase Service', why, error, log);
    }
  }

  return {
    '/api/v1/sync/purchase': { POST: purchase },
    '/api/v1/sync/stock/:productId': { GET: stock },
    '/api/v1/sync/stock/init/:productId': { POST: init },
    '/api/v1/sync/stock/:productId/reset': { PUT: reset },
    '/api/v1/sync/health': { GET: health },
  };
}

/** How long a reader of stock waits for a ledger that does not answer before being told the last known figure. */
const STOCK_PATIENCE_MS = 500;

/** Written by hand: every value is a number, an id of ours or a currency's three letters, so nothing needs escaping. */
function granted(order: Order): Response {
  return new Response(
    `{"success":true,"message":"Purchase successful","orderId":"${order.id}","productId":${order.productId},` +
      `"quantity":${order.quantity},"remainingStock":${order.remaining},"timestamp":"${isoTime(order.createdAt)}",` +
      `"amountMinor":${amountMinor(order)},"currency":"${order.currency}"}`,
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

export function keyMismatch(req: Request): Response {
  return failure(req, 'idempotency_mismatch', 'This Idempotency-Key was used for another request', {
    field: 'Idempotency-Key',
  });
}

export function unknownProduct(req: Request, productId: number | string): Response {
  return failure(req, 'unknown_product', `There is no product ${String(productId).slice(0, 40)}`, {
    field: 'productId',
  });
}

export function readProductId(req: ProductRequest): number | null {
  const value = req.params.productId;
  const id = Number(value);
  return /^[1-9]\d{0,15}$/.test(value) && Number.isSafeInteger(id) ? id : null;
}
