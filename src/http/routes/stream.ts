import type { Opening } from '../../app/stream/stream.ts';
import type { Subscription } from '../../app/stream/subscriber.ts';
import { type Caller, NOT_KNOWN } from '../buyers/buyers.ts';
import { clientAddressOf } from '../client-address.ts';
import { NOT_GUESSED, problem } from '../respond.ts';
import { nameOf, type Parameter, type Route, ref, routesOf } from '../route.ts';
import { ProductId, Uuid } from '../schemas.ts';
import type { Service } from '../service.ts';
import { queryOf } from '../target.ts';
import { wrong } from './inputs.ts';
import { eventBytes, readEventId, retryBytes } from './stream-events.ts';
import {
  STREAM_EVENTS,
  STREAM_EXAMPLE,
  STREAM_ORDERS_MAX,
  STREAM_PRODUCTS_MAX,
  StreamOrder,
  StreamProduct,
  StreamSnapshot,
} from './stream-schemas.ts';

/**
 * A connection that takes nothing for so long is closed by Bun. Heartbeats come several times within it, so this is a reader
 * who has stopped reading, and whose connection is full.
 */
const SILENCE_S = 60;
/** Clients of a server that ended come back over this time: 20,000 of them are some thousand a second. */
const RETRY_MS_MIN = 1_000;
const RETRY_MS_SPREAD = 4_000;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  ...NOT_GUESSED,
  'Cache-Control': 'no-store',
  // nginx would keep events back until it has a buffer full of them.
  'X-Accel-Buffering': 'no',
  // When the stream ends, so does its connection: the client comes back on a new one, which a stopping server does not take.
  Connection: 'close',
};

const route = routesOf('live', 'problem');

/** Live units, sales and orders as Server-Sent Events. */
export function createStreamRoutes(
  {
    stream: stock,
    trustedProxies,
    buyers,
    ledger,
  }: Pick<Service, 'stream' | 'trustedProxies' | 'buyers' | 'ledger'>,
  silenceS = SILENCE_S,
): Route[] {
  async function stream(req: Request, server: Bun.Server<unknown>): Promise<Response> {
    const asked = readAsked(req);
    if (asked instanceof Response) return asked;
    if (buyers.sessions !== null && asked.orderIds.length > 0) {
      const caller = await buyers.identify(req, server, problem);
      if (caller instanceof Response) return caller;
      if (!(await ownsAll(caller, asked.orderIds))) return refused(req, { kind: 'unknown_order' });
    }
    const lastEventId = req.headers.get('last-event-id');
    const { address } = clientAddressOf(req, server, trustedProxies);
    const opening = await stock.open({
      ...asked,
      address,
      seen: lastEventId === null ? null : readEventId(lastEventId),
    });
    if (opening.kind !== 'open') return refused(req, opening);
    const { subscription } = opening;
    server.timeout(req, silenceS);
    return new Response(bodyOf(subscription), { headers: HEADERS });
  }

  async function ownsAll(caller: Caller, orderIds: readonly string[]): Promise<boolean> {
    if (caller.kind === 'operator') return true;
    const found = await ledger.find(orderIds);
    return orderIds.every((id) => {
      const one = found.get(id);
      return one?.kind === 'order'
        ? buyers.owns(caller, one.order.customer)
        : buyers.ownsUndecided(caller, id);
    });
  }

  return [
    route('GET /api/v1/stock/stream', {
      id: 'streamStock',
      summary: 'Stream live changes',
      description: DESCRIPTION,
      query: {
        products: listOf(ProductId, STREAM_PRODUCTS_MAX, 'Product ids', [1, 2]),
        order: listOf(Uuid, STREAM_ORDERS_MAX, 'Order ids, or tracking ids'),
      },
      headers: {
        'Last-Event-ID': {
          schema: { type: 'string' },
          description: 'The last `id` that came; what cannot be read is ignored',
        },
      },
      answers: {
        200: {
          description: 'Events until one side closes',
          content: {
            'text/event-stream': {
              // Without a type: some readers hold this against the stream as text, and some against each of its events.
              schema: { description: 'Events, as lines of text' },
              examples: { events: STREAM_EXAMPLE },
            },
          },
        },
        400: `\`invalid_request\`: no product, one that is no id, more than ${STREAM_PRODUCTS_MAX} products or ${STREAM_ORDERS_MAX} orders`,
        401: `${NOT_KNOWN}, and \`order\` asks for one`,
        404: "`unknown_product`, or `not_found`: an order id that was never issued, or another buyer's where buyers are known",
        429: '`too_many_streams` from this address at once. `too_many_requests`: too many opened in a short time',
        503: '`overloaded`: too many streams in all. `unavailable`: the ledger could not be asked',
      },
      mentions: [StreamSnapshot, StreamProduct, StreamOrder],
      handle: stream,
    }),
  ];
}

const EVENTS = Object.entries(STREAM_EVENTS)
  .map(([name, { schema, when }]) => `| \`${name}\` | [${nameOf(schema)}](${ref(schema).$ref}) | ${when} |`)
  .join('\n');

const DESCRIPTION = `Server-Sent Events, for \`EventSource\` and whatever else reads lines.

| event | its data | when |
|---|---|---|
${EVENTS}

A product is told of at most 20 times a second, 4 times when many watch: what changed in between is left out, the last value
always comes. Its \`version\` only rises. An \`id\` is what was seen with it, versions by product; sent back as \`Last-Event-ID\`
(a browser does that by itself) it keeps the next snapshot, from whichever server, from being older. A client that does not read gets
a \`snapshot\` in place of what was missed, and is disconnected after a minute. Lines that begin with a colon say every 15
seconds that the connection stands.`;

/** A list of different values, with commas between them. */
function listOf(items: object, maxItems: number, what: string, example?: readonly unknown[]): Parameter {
  const required = example !== undefined;
  const schema = {
    type: 'array',
    items,
    minItems: required ? 1 : 0,
    maxItems,
    ...(example && { examples: [example] }),
  };
  const description = `${what}, at most ${maxItems}, with commas between them`;
  return { schema, description, required, style: 'form', explode: false };
}

/** Bun pulls when the connection has taken what it was given before: a reader who does not read is not written to. */
function bodyOf(subscription: Subscription): ReadableStream<Uint8Array> {
  let isFirst = true;

  function pass(controller: ReadableStreamDefaultController<Uint8Array>): boolean {
    const events = subscription.take();
    if (isFirst) controller.enqueue(retryBytes(RETRY_MS_MIN + Math.floor(Math.random() * RETRY_MS_SPREAD)));
    isFirst = false;
    for (const event of events) controller.enqueue(eventBytes(event));
    if (subscription.isOver) {
      subscription.close();
      controller.close();
    }
    return events.length > 0 || subscription.isOver;
  }

  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (pass(controller)) return;
        return new Promise<void>((resolve) => {
          subscription.onEvents(() => {
            try {
              pass(controller);
            } catch {
              // The connection broke in this very moment, which must not stop the broadcast to the others.
              subscription.close();
            }
            resolve();
          });
        });
      },
      cancel: () => subscription.close(),
    },
    { highWaterMark: 0 },
  );
}

function refused(req: Request, opening: Exclude<Opening, { kind: 'open' }>): Response {
  switch (opening.kind) {
    case 'unknown_product':
      return problem(req, 'unknown_product', `There is no product ${opening.productId}`, {
        field: 'products',
      });
    case 'unknown_order':
      return problem(req, 'not_found', 'There is no order or purchase with this id', { field: 'order' });
    case 'too_many':
      return problem(
        req,
        'overloaded',
        'Too many streams at once; try again, or read the stock now and then',
      );
    case 'too_many_from_address':
      return problem(req, 'too_many_streams', 'Too many streams from this address');
  }
}

function readAsked(req: Request): { productIds: readonly number[]; orderIds: readonly string[] } | Response {
  const query = queryOf(req);
  const products = listIn(query, 'products');
  const orderIds = [...new Set(listIn(query, 'order').map((id) => id.toLowerCase()))];
  if (products.length === 0)
    return wrong(req, 'products', 'products must name at least one product, like products=1,2');
  if (products.length > STREAM_PRODUCTS_MAX) {
    return wrong(
      req,
      'products',
      `products names ${products.length} products; one stream shows ${STREAM_PRODUCTS_MAX}`,
    );
  }
  const productIds = products.map(Number);
  const bad = products.find((text, i) => !/^\d{1,16}$/.test(text) || !isProductId(productIds[i]!));
  if (bad !== undefined) {
    return wrong(req, 'products', 'products must be product ids with commas between them, like products=1,2');
  }
  if (orderIds.length > STREAM_ORDERS_MAX) {
    return wrong(
      req,
      'order',
      `order names ${orderIds.length} orders; one stream shows ${STREAM_ORDERS_MAX}`,
    );
  }
  return { productIds, orderIds };
}

/** The different values of a parameter that may be given several times, or once with commas. */
function listIn(query: URLSearchParams, name: string): string[] {
  return [...new Set(query.getAll(name).flatMap((value) => value.split(',')))];
}

function isProductId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 1;
}
