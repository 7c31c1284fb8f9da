import { available, type Product, UNITS_MAX } from '../../domain/product.ts';
import { within } from '../../lib/within.ts';
import { KEY_MISMATCH, OPERATION_KEY, withKey } from '../audit-key.ts';
import { hasAlready } from '../conditional.ts';
import { HEADER_TEXT } from '../header-text.ts';
import { readBareEntry } from '../operator-request.ts';
import { failure, JSON_HEADERS, text } from '../respond.ts';
import { jsonAnswer, type Parameters, type Route, routesOf, textAnswer } from '../route.ts';
import { count, ProductId, REASON_PATTERN, shape } from '../schemas.ts';
import type { Service } from '../service.ts';
import { queryOf } from '../target.ts';
import { keyMismatch, PRODUCT, readProductId, unknownProduct } from './inputs.ts';
import { serviceHealthRoute } from './service-health.ts';

type Answer = Response | Promise<Response>;
type ProductRequest = Request & { readonly params: { readonly productId: string } };

const StockAnswer = shape('StockAnswer', '', { productId: ProductId, stock: count('Units free to buy now') });

/** These calls have no body to give a reason in. */
const REASON: Parameters = {
  'X-Reason': {
    schema: { type: 'string', pattern: REASON_PATTERN, minLength: 1, maxLength: 500 },
    description: `Why, for the log of operations. ${HEADER_TEXT}`,
  },
};

/** The units of a generation that was reset do not come back. */
const ADMINS = { role: 'admin' } as const;

const route = routesOf('sync', 'error');

/** Free units as the fixed routes have them: read by all clients, set by operators. */
export function createStockRoutes(service: Service): Route[] {
  const { stockCache, ledger, sales } = service;
  const stockAnswers = new Map<number, { version: number; body: string; init: ResponseInit }>();

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
      const headers = {
        ...JSON_HEADERS,
        ETag: `"${product.version}"`,
        'Cache-Control': 'no-cache',
      };
      const body = `{"productId":${product.id},"stock":${available(product)}}`;
      kept = { version: product.version, body, init: { headers: new Headers(headers) } };
      stockAnswers.set(product.id, kept); // one entry per product
    }
    if (hasAlready(req, `"${product.version}"`)) return new Response(null, { ...kept.init, status: 304 });
    return new Response(kept.body, kept.init);
  }

  async function init(req: ProductRequest, server: Bun.Server<unknown>): Promise<Response> {
    const asked = await readBareEntry(req, server, service, ADMINS.role, 'stock.init');
    if (asked instanceof Response) return asked;
    const productId = readProductId(req);
    const product =
      productId === null ? undefined : await sales.init(productId, asked(`product/${productId}`));
    if (!product) return unknownProduct(req, req.params.productId);
    return text(`Stock initialized for product: ${product.id}`);
  }

  async function reset(req: ProductRequest, server: Bun.Server<unknown>): Promise<Response> {
    const asked = await readBareEntry(req, server, service, ADMINS.role, 'stock.reset');
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
    const entry = withKey(req, reset, { units, reason: reset.reason }, failure);
    if (entry instanceof Response) return entry;
    const step = await sales.reset(productId, units, entry);
    if (step.kind === 'done') return text(`Stock reset to ${units} for product: ${productId}`);
    return step.code === 'idempotency_mismatch' ? keyMismatch(req) : unknownProduct(req, productId);
  }

  return [
    route('GET /api/v1/sync/stock/:productId', {
      id: 'readStock',
      summary: 'Get stock',
      description: 'Units that are free to buy now. Up to 250 ms old.',
      params: { productId: PRODUCT },
      answers: {
        200: jsonAnswer('The units', StockAnswer, { stock: { productId: 3, stock: 99 } }, ['ETag']),
        304: 'Nothing changed since the version in If-None-Match',
        404: '`unknown_product`',
      },
      handle: stock,
    }),
    route('POST /api/v1/sync/stock/init/:productId', {
      id: 'initStock',
      summary: 'Resync stock counter',
      description: 'Safe while a sale runs.',
      access: ADMINS,
      params: { productId: PRODUCT },
      headers: REASON,
      answers: {
        200: textAnswer('Done', 'Stock initialized for product: 3'),
        400: '`invalid_request`: X-Operator or X-Reason',
        404: '`unknown_product`',
      },
      handle: init,
    }),
    route('PUT /api/v1/sync/stock/:productId/reset', {
      id: 'resetStock',
      summary: 'Reset stock',
      description:
        'Starts a new generation of exactly this many free units. Orders of earlier generations stay as they are. Units that they give back leave the product. Safe while a sale runs.',
      access: ADMINS,
      params: { productId: PRODUCT },
      query: {
        stock: {
          schema: { type: 'integer', minimum: 0, maximum: UNITS_MAX, examples: [5] },
          description: 'Free units of the new generation',
          required: true,
        },
      },
      headers: { ...REASON, ...OPERATION_KEY },
      answers: {
        200: textAnswer('Done', 'Stock reset to 5 for product: 3'),
        400: '`invalid_request`: stock is missing or out of range; X-Operator, X-Reason or Idempotency-Key',
        404: '`unknown_product`',
        422: KEY_MISMATCH,
      },
      handle: reset,
    }),
    serviceHealthRoute('sync', 'its database', () => ledger.ping(), service),
  ];
}

/** How long a reader of stock waits for a ledger that does not answer before being told the last known figure. */
const STOCK_PATIENCE_MS = 500;
