import type { OperationAction } from '../domain/operation.ts';
import type { Product } from '../domain/product.ts';
import type { ProductChanges } from '../domain/product-changes.ts';
import type { SaleStep } from '../ports/products.ts';
import { hasAlready, tagsIn } from './conditional.ts';
import { withKey } from './operation-key.ts';
import { readOperatorRequest } from './operator-request.ts';
import { etagOf, shownProduct } from './product-answer.ts';
import { withTimes } from './product-times.ts';
import { isoTime, json, problem } from './respond.ts';
import { saleRefused } from './sale-refusals.ts';
import {
  checkProductBody,
  checkProductChangeBody,
  checkReasonBody,
  checkUnitsBody,
  EXPECTED_OF_PRODUCTS,
} from './schemas/products.ts';
import type { Service } from './service.ts';
import { readProductId } from './sync-routes.ts';
import { queryOf } from './target.ts';

type Server = Bun.Server<unknown>;
type ProductRequest = Request & { readonly params: { readonly productId: string } };

const PAGE = 100;
const PAGE_MAX = 1_000;

/** Products and their sales: everybody reads, operators change. */
export function createProductRoutes(service: Service) {
  const { sales, ledger, stockCache, clock } = service;

  async function list(req: Request): Promise<Response> {
    const query = queryOf(req);
    const limit = wholeNumber(query.get('limit') ?? `${PAGE}`, 1, PAGE_MAX);
    if (limit === null) return wrong(req, 'limit', `limit must be a whole number from 1 to ${PAGE_MAX}`);
    const after = wholeNumber(query.get('after') ?? '0', 0, Number.MAX_SAFE_INTEGER);
    if (after === null) return wrong(req, 'after', 'after must be the id of a product');
    const products = await ledger.productsAfter(after, limit);
    const nowMs = clock();
    const next = products.length === limit ? products.at(-1)!.id : null;
    const shown = products.map((product) => shownProduct(product, nowMs));
    return json({ products: shown, next, serverTime: isoTime(nowMs) }, 200, NOT_KEPT);
  }

  async function read(req: ProductRequest): Promise<Response> {
    const productId = readProductId(req);
    const product =
      productId === null ? undefined : (stockCache.fresh(productId) ?? (await stockCache.refresh(productId)));
    if (!product) return unknown(req);
    const nowMs = clock();
    const etag = etagOf(product, nowMs);
    if (hasAlready(req, etag))
      return new Response(null, { status: 304, headers: { ...NOT_KEPT, ETag: etag } });
    return json({ ...shownProduct(product, nowMs), serverTime: isoTime(nowMs) }, 200, {
      ...NOT_KEPT,
      ETag: etag,
    });
  }

  async function create(req: Request, server: Server): Promise<Response> {
    const asked = await readOperatorRequest(req, server, service, checkProductBody, EXPECTED_OF_PRODUCTS);
    if (asked instanceof Response) return asked;
    const { reason: _, productId, ...rest } = asked.body;
    const wish = withTimes(req, rest);
    if (wish instanceof Response) return wish;
    const operation = withKey(req, asked.operation('product.create', 'product', rest), asked.body, problem);
    if (operation instanceof Response) return operation;
    const step = await sales.create(
      { ...wish, ...(productId !== undefined && { id: productId }) },
      operation,
    );
    if (step.kind === 'refused') return saleRefused(req, step, clock());
    return done(step.product, 201, { Location: `/api/v1/products/${step.product.id}` });
  }

  /** A call that changes one product: how its body is read, what it does, and what is written down of it. */
  function changing<Body>(
    check: Parameters<typeof readOperatorRequest<Body>>[3],
    action: OperationAction,
    body: string,
    changesOf: (body: Body, req: Request) => ProductChanges | Response,
  ) {
    const expected = { ...EXPECTED_OF_PRODUCTS, body: `The body must be a JSON object with ${body}` };
    return async (req: ProductRequest, server: Server): Promise<Response> => {
      const asked = await readOperatorRequest(req, server, service, check, expected);
      if (asked instanceof Response) return asked;
      const versions = versionsIn(req);
      if (versions instanceof Response) return versions;
      const productId = readProductId(req);
      if (productId === null) return unknown(req);
      const changes = changesOf(asked.body, req);
      if (changes instanceof Response) return changes;
      const { reason: _, ...details } = asked.body as { reason: string };
      const operation = withKey(
        req,
        asked.operation(action, `product/${productId}`, details),
        asked.body as object,
        problem,
      );
      if (operation instanceof Response) return operation;
      const version = versions && (await seenVersion(productId, versions));
      return answer(req, await sales.change(productId, changes, operation, version));
    };
  }

  /** Of several the one that the product has, which is then compared in the commit of the change. */
  async function seenVersion(productId: number, versions: readonly number[]): Promise<number> {
    const [first = NO_VERSION, ...more] = versions;
    if (more.length === 0) return first;
    const now = (await stockCache.refresh(productId))?.version;
    return versions.find((version) => version === now) ?? first;
  }

  async function drain(req: ProductRequest, server: Server): Promise<Response> {
    const asked = await readOperatorRequest(req, server, service, checkReasonBody);
    if (asked instanceof Response) return asked;
    const productId = readProductId(req);
    if (productId === null) return unknown(req);
    return answer(req, await sales.close(productId, asked.operation('sale.drain', `product/${productId}`)));
  }

  function answer(req: Request, step: SaleStep): Response {
    return step.kind === 'refused' ? saleRefused(req, step, clock()) : done(step.product, 200);
  }

  function done(product: Product, status: number, headers: Record<string, string> = {}): Response {
    const nowMs = clock();
    const body = { ...shownProduct(product, nowMs), serverTime: isoTime(nowMs) };
    return json(body, status, { 'Cache-Control': 'no-store', ETag: etagOf(product, nowMs), ...headers });
  }

  return {
    '/api/v1/products': { GET: list, POST: create },
    '/api/v1/products/:productId': {
      GET: read,
      PATCH: changing(
        checkProductChangeBody,
        'product.change',
        'what to change, and a reason',
        ({ reason: _, ...changes }, req) => withTimes(req, changes),
      ),
    },
    '/api/v1/products/:productId/units': {
      POST: changing(checkUnitsBody, 'units.add', 'delta and a reason', ({ delta }) => ({ addUnits: delta })),
    },
    '/api/v1/products/:productId/pause': {
      POST: changing(checkReasonBody, 'sale.pause', 'a reason', () => ({ state: 'paused' })),
    },
    '/api/v1/products/:productId/resume': {
      POST: changing(checkReasonBody, 'sale.resume', 'a reason', () => ({ state: 'open' })),
    },
    '/api/v1/products/:productId/drain': { POST: drain },
  };
}

const NOT_KEPT = { 'Cache-Control': 'no-cache' };

/** The versions in `If-Match`; null when any will do. A weak ETag is none that can be relied on (RFC 9110, 13.1.1). */
function versionsIn(req: Request): readonly number[] | null | Response {
  const header = req.headers.get('if-match')?.trim() ?? '*';
  if (header === '*') return null;
  const tags = tagsIn(header);
  if (!tags) return wrong(req, 'If-Match', 'If-Match must be ETags of the product, like "12", or *');
  return tags.flatMap(({ isWeak, opaque }) => {
    const version = VERSION.exec(opaque)?.[1];
    return isWeak || version === undefined ? [] : [Number(version)];
  });
}

/** An ETag of the product, or its version alone. */
const VERSION = /^"(\d{1,16})(\.\w+)?"$/;
/** Of no product. */
const NO_VERSION = -1;

function wholeNumber(text: string, min: number, max: number): number | null {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && value >= min && value <= max ? value : null;
}

function unknown(req: ProductRequest): Response {
  const asked = req.params.productId.slice(0, 40);
  return problem(req, 'unknown_product', `There is no product ${asked}`, { field: 'productId' });
}

function wrong(req: Request, field: string, message: string): Response {
  return problem(req, 'invalid_request', message, { field });
}
