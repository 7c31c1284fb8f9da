import { createBoundedMap } from '../../lib/bounded-map.ts';
import { renderPage } from '../../pages/render.tsx';
import { type DataOf, orderOf, type PageData, takesPayment } from '../../pages/shapes.ts';
import { compressed } from '../compressed.ts';
import { mayHaveToken } from '../operator.ts';
import { failure, isoTime, json } from '../respond.ts';
import { type Answer, type Parameter, type Route, routesOf } from '../route.ts';
import type { Service } from '../service.ts';
import { LINKS_SCHEMA, linksTo, prefersHtml } from './links.ts';
import { createPageAssets, GUARDS } from './page-assets.ts';
import { createPageReader, type PageReader } from './page-reader.ts';

type Server = Bun.Server<unknown>;
type PageService = Pick<
  Service,
  'version' | 'clock' | 'development' | 'operators' | 'trustedProxies' | 'log' | 'buyers' | 'buyerPayments'
>;

interface Made {
  readonly missing: DataOf<'missing'>['what'] | null;
  serve(req: Request): Response;
}

const route = routesOf('pages', 'error');

/** A page that everybody gets alike is made so often at most (ms); its units come by the live stream anyway. */
const SHARED_MS = 250;
/** Pages kept for that long: the sales, and as many products as are looked at in a quarter of a second. */
const SHARED_MAX = 200;
const PRODUCTS_SHOWN = 100;

/**
 * The pages: HTML that reads without a script, made from what `routes` answer, and the script that keeps it true. What is wrong with
 * an address is said in HTML to browsers, and in JSON to programs.
 */
export function createPageRoutes(service: PageService, routes: readonly Route[]): Route[] {
  const { version, clock, development, log } = service;
  const read = createPageReader(routes);
  const links = linksTo(routes);
  const assets = createPageAssets();
  const shared = createBoundedMap<{ readonly madeAtMs: number; readonly page: Promise<Made> }>(SHARED_MAX);

  const common = () => ({
    serverTime: isoTime(clock()),
    development,
    hasSessions: service.buyers.sessions !== null,
    buyersPay: service.buyerPayments !== null,
  });

  /** Shows what is found, or that it is not there, or that it cannot be read now. */
  async function make(find: () => Promise<PageData>): Promise<Made> {
    const data = await find().catch((error): PageData => {
      log.warn({ err: error }, 'a page could not be made');
      return { ...common(), page: 'missing', what: 'trouble' };
    });
    const missing = data.page === 'missing' ? data.what : null;
    const status = missing === null ? 200 : missing === 'trouble' ? 503 : 404;
    const html = renderPage(data, await assets.namesFor(data.page));
    // Made for one reader, or for a quarter of a second: the fast level.
    const headers = takesPayment(data) ? PAYING_HEADERS : HTML_HEADERS;
    return { missing, serve: compressed(html, headers, { status, level: 1 }) };
  }

  function answer(req: Request, { missing, serve }: Made): Response {
    if (missing === null || prefersHtml(req.headers.get('accept'))) return serve(req);
    if (missing !== 'trouble') return failure(req, 'not_found', `There is no such ${missing}`);
    return failure(req, 'unavailable', 'The page cannot be made now', { headers: { 'Retry-After': '1' } });
  }

  async function page(req: Request, find: () => Promise<PageData>): Promise<Response> {
    return answer(req, await make(find));
  }

  /** One page for all who ask within a quarter of a second. */
  async function sharedPage(req: Request, key: string, find: () => Promise<PageData>): Promise<Response> {
    const nowMs = performance.now();
    let kept = shared.get(key);
    if (!kept || nowMs - kept.madeAtMs >= SHARED_MS) {
      kept = { madeAtMs: nowMs, page: make(find) };
      shared.set(key, kept);
    }
    return answer(req, await kept.page);
  }

  return [
    route('GET /', {
      id: 'index',
      summary: 'Open storefront',
      description: 'The sales for browsers, links as JSON for other clients, by `Accept`.',
      answers: {
        200: {
          description: 'The sales, or links',
          content: {
            'application/json': { schema: LINKS_SCHEMA },
            'text/html': { schema: { type: 'string' } },
          },
        },
        304: NOT_MODIFIED,
      },
      async handle(req, server) {
        const answer = prefersHtml(req.headers.get('accept'))
          ? await sharedPage(req, '/', () => sales(read, common, server))
          : json({ name: 'pulsecart', version, links }, 200, { 'Cache-Control': 'no-cache' });
        answer.headers.set('Vary', 'Accept, Accept-Encoding');
        return answer;
      },
    }),
    route('GET /p/:productId', {
      id: 'productPage',
      summary: 'Open product page',
      params: { productId: SOME_ID('A product id', '3') },
      answers: PAGE_ANSWERS,
      handle: (req, server) =>
        sharedPage(req, `/p/${req.params.productId}`, async () => {
          const product = await read(server, 'readProduct', { productId: req.params.productId });
          return product
            ? { ...common(), page: 'product', product }
            : { ...common(), page: 'missing', what: 'product' };
        }),
    }),
    route('GET /o/:orderId', {
      id: 'orderPage',
      summary: 'Open order page',
      params: { orderId: SOME_ID('An order id', ORDER_ID) },
      answers: PAGE_ANSWERS,
      handle: (req, server) => page(req, () => order(read, common, req, server, 'order', req.params.orderId)),
    }),
    route('GET /t/:trackingId', {
      id: 'trackingPage',
      summary: 'Open tracking page',
      params: { trackingId: SOME_ID('A tracking id', ORDER_ID) },
      answers: PAGE_ANSWERS,
      handle: (req, server) =>
        page(req, () => order(read, common, req, server, 'tracking', req.params.trackingId)),
    }),
    route('GET /orders', {
      id: 'ordersPage',
      summary: 'Open my orders',
      answers: { 200: HTML, 304: NOT_MODIFIED },
      handle: (req) => page(req, async () => ({ ...common(), page: 'orders' })),
    }),
    route('GET /ops', {
      id: 'opsPage',
      summary: 'Open operations console',
      description:
        'The page is for anybody; what it shows is read with the token that its reader signs in with.',
      answers: { 200: HTML, 304: NOT_MODIFIED },
      handle: (req, server) =>
        page(req, async () => ({
          ...common(),
          page: 'ops',
          token: mayHaveToken(req, server, service) ? service.operators.token : null,
        })),
    }),
    route('GET /assets/:name', {
      id: 'asset',
      summary: 'Get page file',
      params: { name: SOME_ID('As a page names it', 'style.css') },
      answers: {
        200: { description: 'The file', content: { 'text/javascript': TEXT, 'text/css': TEXT } },
        304: NOT_MODIFIED,
        404: '`not_found`',
      },
      async handle(req) {
        const { name } = req.params;
        return (
          (await assets.serve(req, name)) ??
          failure(req, 'not_found', `There is no file ${name.slice(0, 100)}`)
        );
      },
    }),
  ];
}

async function sales(read: PageReader, common: Common, server: Server): Promise<PageData> {
  const found = await read(server, 'listProducts', {}, `?limit=${PRODUCTS_SHOWN}`);
  if (!found) throw new Error('the products could not be listed');
  return { ...common(), page: 'sales', products: found.products, more: found.next !== null };
}

async function order(
  read: PageReader,
  common: Common,
  req: Request,
  server: Server,
  kind: 'order' | 'tracking',
  id: string,
): Promise<PageData> {
  // Read with the session of who asks for the page.
  const cookie = req.headers.get('cookie');
  const tracking = kind === 'tracking' ? await read(server, 'track', { trackingId: id }, '', cookie) : null;
  if (kind === 'tracking' && !tracking) return { ...common(), page: 'missing', what: 'order' };
  const found =
    (tracking && orderOf(tracking)) ?? (await read(server, 'readOrder', { orderId: id }, '', cookie));
  if (!found) return { ...common(), page: 'missing', what: 'order' };
  const productId = found.productId === undefined ? null : String(found.productId);
  const product = productId === null ? null : await read(server, 'readProduct', { productId });
  return { ...common(), page: 'order', kind, order: found, product };
}

type Common = () => {
  readonly serverTime: string;
  readonly development: boolean;
  readonly hasSessions: boolean;
  readonly buyersPay: boolean;
};

/** What a page may load and do: its own files, its own API, pictures; nothing that stands in it runs. */
const POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' https: data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'require-trusted-types-for': "'script'",
  'trusted-types': "'none'",
};

/**
 * And where the buyer may come to pay: what Stripe.js needs (docs.stripe.com/security/guide). Of trusted types the one policy of
 * client/stripe.ts, which lets scripts of Stripe load and still no string become HTML or a script.
 */
const PAYING_POLICY = {
  ...POLICY,
  'script-src': "'self' https://js.stripe.com https://*.js.stripe.com",
  'connect-src': "'self' https://api.stripe.com",
  'frame-src': 'https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com',
  'trusted-types': 'default',
};

function headersWith(policy: Readonly<Record<string, string>>, openers: string) {
  return {
    'Content-Type': 'text/html;charset=utf-8',
    'Content-Security-Policy': Object.entries(policy)
      .map(([name, sources]) => `${name} ${sources}`)
      .join('; '),
    'Cross-Origin-Opener-Policy': openers,
    'Cache-Control': 'no-store',
    ...GUARDS,
  };
}

const HTML_HEADERS = headersWith(POLICY, 'same-origin');
/** Some means of paying open a window, which reports back to the one that opened it. */
const PAYING_HEADERS = headersWith(PAYING_POLICY, 'same-origin-allow-popups');

const TEXT = { schema: { type: 'string' } };
const HTML: Answer = { description: 'The page', content: { 'text/html': TEXT } };
const NOT_MODIFIED = 'Nothing changed since the version in If-None-Match';
const PAGE_ANSWERS = {
  200: HTML,
  304: NOT_MODIFIED,
  404: '`not_found`; as a page for browsers',
  503: '`unavailable`; likewise',
};
const ORDER_ID = '01a2040e-e549-70c2-8a78-490084e26084';

function SOME_ID(description: string, example: string): Parameter {
  return { schema: { type: 'string', examples: [example] }, description };
}
