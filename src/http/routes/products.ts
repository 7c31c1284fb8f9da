import { available, type DescribedProduct, saleState } from '../../domain/product.ts';
import { isDescribed } from '../../domain/product-steps.ts';
import { hasAlready } from '../conditional.ts';
import type { OperatorTrust } from '../operator.ts';
import { readOperator } from '../operator-request.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, type Route, routesOf } from '../route.ts';
import type { Service } from '../service.ts';
import { queryOf } from '../target.ts';
import { LIMIT, PRODUCT, readLimit, readProductId, unknownProduct, wholeNumber, wrong } from './inputs.ts';
import { A_PRODUCT, PRODUCTS, ProductAnswer, ProductsAnswer } from './product-schemas.ts';

type ProductRequest = Request & { readonly params: { readonly productId: string } };

/** The hidden products are for operators. */
const OR_VIEWERS = { role: 'viewer', orOthers: true } as const;

const route = routesOf('products', 'problem');

/** Products and their sales, as clients read them. */
export function createProductRoutes(
  service: Pick<Service, 'ledger' | 'productReader' | 'clock'> & OperatorTrust,
): Route[] {
  const { ledger, productReader, clock } = service;

  async function list(req: Request, server: Bun.Server<unknown>): Promise<Response> {
    const query = queryOf(req);
    const asked = query.get('hidden') ?? 'false';
    if (asked !== 'true' && asked !== 'false') return wrong(req, 'hidden', 'hidden must be true or false');
    const hidden = asked === 'true';
    const operator = hidden && (await readOperator(req, server, service, OR_VIEWERS.role));
    if (operator instanceof Response) return operator;
    const limit = readLimit(req, query);
    if (limit instanceof Response) return limit;
    const after = wholeNumber(query.get('after') ?? '0', 0, Number.MAX_SAFE_INTEGER);
    if (after === null) return wrong(req, 'after', 'after must be the id of a product');
    const products = await ledger.productsAfter(after, limit, hidden);
    const nowMs = clock();
    const next = products.length === limit ? products.at(-1)!.id : null;
    const shown = products.map((product) => shownProduct(product, nowMs));
    return json({ products: shown, next, serverTime: isoTime(nowMs) }, 200, NOT_KEPT);
  }

  async function read(req: ProductRequest): Promise<Response> {
    const productId = readProductId(req);
    const product = productId === null ? undefined : await productReader.read(productId);
    if (!product) return unknownProduct(req, req.params.productId, problem);
    const nowMs = clock();
    const etag = etagOf(product, nowMs);
    if (hasAlready(req, etag))
      return new Response(null, { status: 304, headers: { ...NOT_KEPT, ETag: etag } });
    return json({ ...shownProduct(product, nowMs), serverTime: isoTime(nowMs) }, 200, {
      ...NOT_KEPT,
      ETag: etag,
    });
  }

  return [
    route('GET /api/v1/products', {
      id: 'listProducts',
      summary: 'List products',
      description: 'By id, page by page.',
      query: {
        limit: { ...LIMIT, description: 'Products of a page' },
        after: {
          schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 },
          description: 'Id of the last product of the page before',
        },
        hidden: {
          schema: { type: 'boolean', default: false },
          description: 'For operators: the hidden products instead, which are made for rehearsals',
        },
      },
      access: OR_VIEWERS,
      answers: {
        200: jsonAnswer('A page of products', ProductsAnswer, { products: PRODUCTS }),
        400: '`invalid_request`; `field` names what is wrong',
        503: '`unavailable`',
      },
      handle: list,
    }),
    route('GET /api/v1/products/:productId', {
      id: 'readProduct',
      summary: 'Get product',
      description: 'A product and its sale. Up to 250 ms old; `state` is judged now.',
      params: { productId: PRODUCT },
      answers: {
        200: jsonAnswer('The product', ProductAnswer, { product: A_PRODUCT }, ['ETag']),
        304: 'Neither version nor state nor description have changed since the ETag in If-None-Match',
        404: '`unknown_product`',
        503: '`unavailable`',
      },
      handle: read,
    }),
  ];
}

const NOT_KEPT = { 'Cache-Control': 'no-cache' };

/** A product as clients see it; its state is that of `nowMs`. */
export function shownProduct(product: DescribedProduct, nowMs: number) {
  const { id, name, priceMinor, currency, total, reserved, sold, version, generation } = product;
  const { description, imageUrl, opensAt, closesAt, perCustomerLimit, customerRequired, holdSeconds } =
    product;
  const state = saleState(product, nowMs);
  return {
    productId: id,
    name,
    description,
    imageUrl,
    priceMinor,
    currency,
    total,
    available: available(product),
    reserved,
    sold,
    version,
    generation,
    state,
    paused: product.state === 'paused',
    drained: state === 'closed' && reserved === 0,
    opensAt: opensAt === null ? null : isoTime(opensAt),
    closesAt: closesAt === null ? null : isoTime(closesAt),
    perCustomerLimit,
    customerRequired,
    holdSeconds,
  };
}

/**
 * The version, and the state beside it, because the clock changes that without a new version. And what the description is, where there
 * is one: it may be a quarter of a second older than the version.
 */
export function etagOf(product: DescribedProduct, nowMs: number): string {
  const { version, description, imageUrl } = product;
  const described = isDescribed(product)
    ? `_${Bun.hash(JSON.stringify([description, imageUrl])).toString(36)}`
    : '';
  return `"${version}.${saleState(product, nowMs)}${described}"`;
}
