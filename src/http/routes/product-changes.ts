import type Type from 'typebox';
import type { AuditAction } from '../../domain/audit-entry.ts';
import { type DescribedProduct, isHidden, TEST_CURRENCY } from '../../domain/product.ts';
import type { ProductChanges } from '../../domain/product-changes.ts';
import type { SaleStep } from '../../domain/product-steps.ts';
import { KEY_MISMATCH, OPERATION_KEY, withKey } from '../audit-key.ts';
import type { OperatorRequest } from '../operator-request.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { readTime } from '../read-time.ts';
import { isoTime, json, problem } from '../respond.ts';
import { type Described, jsonAnswer, type Route } from '../route.ts';
import type { Service } from '../service.ts';
import { IF_MATCH, seenVersion, versionsIn } from './if-match.ts';
import { NOT_STORED, PRODUCT, readProductId, unknownProduct, wrong } from './inputs.ts';
import {
  A_PRODUCT,
  EXPECTED_OF_PRODUCTS,
  PAUSED,
  ProductAnswer,
  ProductBody,
  ProductChangeBody,
  ReasonBody,
  RemovalAnswer,
  UnitsBody,
} from './product-schemas.ts';
import { etagOf, shownProduct } from './products.ts';
import { saleRefused } from './sale-refusals.ts';

type ProductRequest = Request & { readonly params: { readonly productId: string } };
type ChangeTarget =
  | 'PATCH /api/v1/products/:productId'
  | `POST /api/v1/products/:productId/${'units' | 'pause' | 'resume'}`;

const BAD_SCHEDULE =
  '`invalid_request`; `field` names what is wrong. `schedule_in_the_past`, `closes_before_opens`.';

/** Products and their sales, as operators make and change them. */
export function createProductChangeRoutes(service: Service): Route[] {
  const { sales, productReader, removeProduct, stockCache, clock, buyerPayments } = service;
  const { acting } = operatorRoutes('products', 'problem', service);

  async function create(
    asked: OperatorRequest<Type.Static<typeof ProductBody>>,
    req: Request,
  ): Promise<Response> {
    const { reason: _, productId, ...rest } = asked.body;
    const timed = withTimes(req, rest);
    if (timed instanceof Response) return timed;
    if (isHidden(rest) && productId !== undefined)
      return wrong(req, 'productId', `productId must be absent with ${TEST_CURRENCY}: nobody may guess it`);
    const unpayable = refuseUnpayable(req, rest.priceMinor, rest);
    if (unpayable) return unpayable;
    const entry = withKey(req, asked.entry('product.create', 'product', rest), asked.body, problem);
    if (entry instanceof Response) return entry;
    const step = await sales.create({ ...timed, ...(productId !== undefined && { id: productId }) }, entry);
    if (step.kind === 'refused') return saleRefused(req, step, clock());
    return done(step.product, 201, { Location: `/api/v1/products/${step.product.id}` });
  }

  /** A price that no buyer could pay is refused before anything is sold at it. */
  function refuseUnpayable(
    req: Request,
    priceMinor: number,
    product: { readonly currency: string },
  ): Response | null {
    const why = isHidden(product) ? null : (buyerPayments?.refusal(priceMinor, product.currency) ?? null);
    return why === null ? null : wrong(req, 'priceMinor', `priceMinor cannot be paid: ${why}`);
  }

  /** A call that changes one product: what it does, and how that is called in the log. */
  function changing<Schema extends Type.TObject>(
    target: ChangeTarget,
    {
      takes,
      changes: changesOf,
      action,
      shown = A_PRODUCT,
      body,
      answers,
      ...described
    }: Pick<Described<ChangeTarget>, 'id' | 'summary' | 'description'> &
      Partial<Pick<Described<ChangeTarget>, 'answers'>> & {
        readonly body: { readonly schema: Schema; readonly example: unknown };
        /** What the body has to have, in words. */
        readonly takes: string;
        readonly action: AuditAction;
        readonly shown?: object;
        changes(body: Type.Static<Schema>, req: Request): ProductChanges | Response;
      },
  ): Route {
    const expected = { ...EXPECTED_OF_PRODUCTS, body: `The body must be a JSON object with ${takes}` };
    return acting(target, {
      role: 'operator',
      ...described,
      params: { productId: PRODUCT },
      headers: { ...OPERATION_KEY, ...IF_MATCH },
      body: { ...body, expected },
      answers: {
        200: changed(shown),
        404: '`unknown_product`',
        412: '`version_mismatch`: it has changed since. Nothing was done',
        422: KEY_MISMATCH,
        ...answers,
      },
      async handle(asked, req) {
        const versions = versionsIn(req);
        if (versions instanceof Response) return versions;
        const productId = readProductId(req);
        if (productId === null) return unknown(req);
        const changes = changesOf(asked.body, req);
        if (changes instanceof Response) return changes;
        const { priceMinor } = changes;
        // A product's currency never changes.
        const product =
          buyerPayments && priceMinor !== undefined
            ? (stockCache.last(productId)?.product ?? (await stockCache.refresh(productId)))
            : undefined;
        const unpayable = product && refuseUnpayable(req, priceMinor!, product);
        if (unpayable) return unpayable;
        const { reason: _, ...details } = asked.body as { reason: string };
        const entry = withKey(
          req,
          asked.entry(action, `product/${productId}`, details),
          asked.body as object,
          problem,
        );
        if (entry instanceof Response) return entry;
        const version = versions && (await seenVersion(versions, productId, stockCache));
        return answer(req, await sales.change(productId, changes, entry, version));
      },
    });
  }

  function answer(req: Request, step: SaleStep): Response {
    return step.kind === 'refused' ? saleRefused(req, step, clock()) : done(step.product, 200);
  }

  function done(product: DescribedProduct, status: number, headers: Record<string, string> = {}): Response {
    productReader.keep(product);
    const nowMs = clock();
    const body = { ...shownProduct(product, nowMs), serverTime: isoTime(nowMs) };
    return json(body, status, { 'Cache-Control': 'no-store', ETag: etagOf(product, nowMs), ...headers });
  }

  return [
    acting('POST /api/v1/products', {
      role: 'operator',
      id: 'createProduct',
      summary: 'Create product',
      description: 'Puts it on sale, at once or when it says.',
      headers: OPERATION_KEY,
      body: { schema: ProductBody, example: NEW_PRODUCT, expected: EXPECTED_OF_PRODUCTS },
      answers: {
        201: jsonAnswer('It is on sale', ProductAnswer, { product: A_PRODUCT }, ['Location', 'ETag']),
        400: BAD_SCHEDULE,
        409: '`product_exists`',
        422: KEY_MISMATCH,
      },
      handle: create,
    }),
    changing('PATCH /api/v1/products/:productId', {
      id: 'changeProduct',
      summary: 'Change product',
      description:
        'Its name, description, picture, price, schedule or limits: all of it or nothing. Orders keep the price and the hold they were made with. A limit that is set while the sale ' +
        'runs counts what customers hold already.',
      body: { schema: ProductChangeBody, example: NEXT_WEEK },
      takes: 'what to change, and a reason',
      action: 'product.change',
      changes: ({ reason: _, ...changes }, req) => withTimes(req, changes),
      answers: { 400: BAD_SCHEDULE, 409: '`limit_below_held`: a customer holds more already' },
    }),
    changing('POST /api/v1/products/:productId/units', {
      id: 'addUnits',
      summary: 'Add units',
      description:
        'Adds units to a running sale, or takes free ones away. Added units are sold at once. For a new generation see `reset`. With an `Idempotency-Key` they are added ' +
        'once, however often it is sent. Without one look at `GET /api/v1/ops/log` after `outcome_unknown`, or when no answer came, ' +
        'before sending it again.',
      body: { schema: UnitsBody, example: { delta: 50, reason: 'second delivery' } },
      takes: 'delta and a reason',
      action: 'units.add',
      changes: ({ delta }) => ({ addUnits: delta }),
      answers: {
        409: '`units_below_committed`: fewer are free. `units_too_many`: a product has 2147483647 at most',
      },
    }),
    changing('POST /api/v1/products/:productId/pause', {
      id: 'pauseSale',
      summary: 'Pause sale',
      description:
        'Purchases are refused as `sale_paused`, within 250 ms at the latest for queued ones that another process takes in. ' +
        'Orders are charged on.',
      body: WHY_PAUSED,
      takes: 'a reason',
      action: 'sale.pause',
      changes: () => ({ state: 'paused' }),
      shown: PAUSED,
    }),
    changing('POST /api/v1/products/:productId/resume', {
      id: 'resumeSale',
      summary: 'Resume sale',
      description: 'Lets a paused sale go on, within its times.',
      body: WHY_PAUSED,
      takes: 'a reason',
      action: 'sale.resume',
      changes: () => ({ state: 'open' }),
    }),
    acting('POST /api/v1/products/:productId/drain', {
      role: 'operator',
      id: 'drainSale',
      summary: 'Close sale',
      description:
        "Closes it now: `closesAt` becomes this moment by the ledger's clock; a sale that has not opened yet will not. What is under way comes " +
        'to its end: read the product until `drained`. Another `closesAt` opens it again.',
      params: { productId: PRODUCT },
      body: { schema: ReasonBody, example: { reason: 'the hall is full' } },
      answers: { 200: changed(A_PRODUCT), 404: '`unknown_product`' },
      async handle(asked, req) {
        const productId = readProductId(req);
        if (productId === null) return unknown(req);
        return answer(req, await sales.close(productId, asked.entry('sale.drain', `product/${productId}`)));
      },
    }),
    acting('DELETE /api/v1/products/:productId', {
      role: 'operator',
      id: 'removeProduct',
      summary: 'Remove hidden product',
      description:
        `Removes a product of a rehearsal and all that its sale left: for products priced in ${TEST_CURRENCY} alone, and once the sale is drained and the queue has had some ` +
        'seconds. Orders, outcomes, keys, payments and dead letters go with it; a line in the log of operations stays. It works ' +
        'for five seconds at most: send it again until `removed`.',
      params: { productId: PRODUCT },
      body: { schema: ReasonBody, example: { reason: 'the rehearsal is over' } },
      answers: {
        200: jsonAnswer('How far it got', RemovalAnswer, {
          done: { productId: 5_132_207_761_883_137, removed: true },
        }),
        404: '`unknown_product`',
        409: '`product_not_hidden`. `sale_not_drained`: it is not closed, or purchases may be under way',
      },
      async handle(asked, req) {
        const productId = readProductId(req);
        if (productId === null) return unknown(req);
        const step = await removeProduct(productId, asked.entry);
        if (step.kind === 'refused') return saleRefused(req, step, clock());
        return json({ productId, removed: step.kind === 'removed' }, 200, NOT_STORED);
      },
    }),
  ];
}

const NEW_PRODUCT = {
  name: 'Concert ticket, front row',
  description: 'Front row, centre.\nDoors open an hour before.',
  imageUrl: 'https://example.com/front-row.jpg',
  priceMinor: 12500,
  currency: 'EUR',
  units: 300,
  opensAt: '2026-11-27T09:00:00Z',
  closesAt: '2026-11-27T09:30:00Z',
  perCustomerLimit: 2,
  reason: 'winter sale',
};

const NEXT_WEEK = { opensAt: '2026-12-04T09:00:00Z', closesAt: null, reason: 'the supplier is late' };

const WHY_PAUSED = { schema: ReasonBody, example: { reason: 'the picture shows another product' } };

function changed(example: object) {
  return jsonAnswer('The product as it is now', ProductAnswer, { product: example }, ['ETag']);
}

function unknown(req: ProductRequest): Response {
  return unknownProduct(req, req.params.productId, problem);
}

interface Times {
  readonly opensAt?: string | null;
  readonly closesAt?: string | null;
}

/** The same with its times in milliseconds, or the refusal of one that no calendar has. */
function withTimes<T extends Times>(
  req: Request,
  { opensAt, closesAt, ...rest }: T,
): (Omit<T, keyof Times> & { opensAt?: number | null; closesAt?: number | null }) | Response {
  const times: { opensAt?: number | null; closesAt?: number | null } = {};
  for (const [field, text] of Object.entries({ opensAt, closesAt })) {
    if (text === undefined) continue;
    const ms = text === null ? null : readTime(text);
    if (ms === undefined) return wrong(req, field, `${field} is not a time that exists: ${text}`);
    times[field as keyof Times] = ms;
  }
  return { ...rest, ...times };
}
