import Type from 'typebox';
import { allOrders, searchPage } from '../../app/ops/order-search.ts';
import { amountMinor, type Order, SHOWN_STATUSES, shownStatus } from '../../domain/order.ts';
import { csvLine, streamed } from '../csv.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json, NOT_GUESSED, requestIdOf } from '../respond.ts';
import { jsonAnswer, type Route } from '../route.ts';
import {
  AmountMinor,
  Currency,
  list,
  nullable,
  ProductId,
  Quantity,
  shape,
  Timestamp,
  Uuid,
} from '../schemas.ts';
import type { Service } from '../service.ts';
import { NOT_STORED, readLimit, wrong } from './inputs.ts';
import { ORDER_ID } from './order-answer.ts';
import { FILTERS, readFilter } from './order-filter.ts';

/** Of an export; a reader who takes nothing for longer is gone. */
const SILENCE_S = 60;

const ROW = {
  orderId: Uuid,
  status: Type.Enum([...SHOWN_STATUSES]),
  productId: ProductId,
  generation: Type.Integer({ minimum: 1, description: 'Of the sale that sold it' }),
  customer: nullable(Type.String(), 'null: anonymous'),
  quantity: Quantity,
  number: Type.Integer({ description: 'Rises with every order of the product' }),
  channel: Type.Enum(['sync', 'async']),
  amountMinor: AmountMinor,
  currency: Currency,
  attempts: Type.Integer({ minimum: 0, description: 'Charges begun' }),
  createdAt: Timestamp,
  expiresAt: Timestamp,
  updatedAt: Timestamp,
};
const COLUMNS = Object.keys(ROW) as (keyof typeof ROW)[];

const OrdersAnswer = shape(
  'Orders',
  'Newest first. `next` is the `before` of the next page; null when there is nothing more. A page may be short, and even empty, with a `next`: ' +
    'a search answers after some milliseconds, and goes on from there.',
  { orders: list(ROW), next: nullable(Uuid) },
);

const LIMIT = {
  schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
  description: 'Orders of a page, at most',
} as const;

/** Orders as operators look for them. */
export function createOrderListRoutes(service: Service): Route[] {
  const { reading } = operatorRoutes('orders', 'problem', service);
  const { ledger, clock, log } = service;

  async function page(req: Request, query: URLSearchParams): Promise<Response> {
    const filter = readFilter(req, query);
    if (filter instanceof Response) return filter;
    const limit = readLimit(req, query, LIMIT);
    if (limit instanceof Response) return limit;
    const before = query.get('before')?.toLowerCase() ?? null;
    if (before !== null && !UUID.test(before))
      return wrong(req, 'before', 'before must be the id of an order');
    const { orders, next } = await searchPage(ledger, { ...filter, before }, limit);
    return json({ orders: orders.map(shownRow), next }, 200, NOT_STORED);
  }

  async function csv(req: Request, query: URLSearchParams, server: Bun.Server<unknown>): Promise<Response> {
    const filter = readFilter(req, query);
    if (filter instanceof Response) return filter;
    const orders = allOrders(ledger, filter);
    // The first part before the answer begins: a ledger that is away is then said as an error.
    const first = await orders.next();
    async function* lines() {
      yield csvLine(COLUMNS);
      yield linesOf(first.value ?? []);
      for await (const part of orders) yield linesOf(part);
    }
    server.timeout(req, SILENCE_S);
    const requestId = requestIdOf(req);
    const body = streamed(lines(), (err) => log.warn({ err, requestId }, 'export of orders broken off'));
    const name = `orders-${isoTime(clock()).replace(/[-:]|\.\d+/g, '')}.csv`;
    return new Response(body, {
      headers: {
        ...NOT_STORED,
        ...NOT_GUESSED,
        'Content-Type': 'text/csv; charset=utf-8; header=present',
        'Content-Disposition': `attachment; filename="${name}"`,
      },
    });
  }

  return [
    reading('GET /api/v1/orders', {
      id: 'listOrders',
      summary: 'List orders',
      description: 'Newest first. What is not named restricts nothing, and any of it goes together.',
      query: {
        ...FILTERS,
        limit: LIMIT,
        before: {
          schema: { type: 'string', format: 'uuid' },
          description:
            'The `next` of the page before, or any order id: only orders that were accepted earlier',
        },
      },
      answers: { 200: jsonAnswer('A page of orders', OrdersAnswer, { page: ORDERS }) },
      handle: page,
    }),
    reading('GET /api/v1/orders.csv', {
      id: 'exportOrders',
      summary: 'Export orders (CSV)',
      description:
        'All that meet the filter, as CSV (RFC 4180) with a line of names. Text that a spreadsheet would run as a formula has an apostrophe ' +
        'before it. An answer that breaks off is not complete: the connection is cut then, and its last chunk missing. Orders that change or ' +
        'are made meanwhile are in it as they were when their part was read.',
      query: FILTERS,
      answers: {
        200: {
          description: 'The orders, newest first',
          content: { 'text/csv': { schema: { type: 'string' }, examples: { orders: CSV } } },
        },
      },
      handle: csv,
    }),
  ];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function shownRow(order: Order) {
  const { id, productId, generation, customer, quantity, number, channel, currency, attempts } = order;
  return {
    orderId: id,
    status: shownStatus(order.status),
    productId,
    generation,
    customer,
    quantity,
    number,
    channel,
    amountMinor: amountMinor(order),
    currency,
    attempts,
    createdAt: isoTime(order.createdAt),
    expiresAt: isoTime(order.expiresAt),
    updatedAt: isoTime(order.updatedAt),
  };
}

function linesOf(orders: readonly Order[]): string {
  return orders.map((order) => csvLine(cellsOf(shownRow(order)))).join('');
}

function cellsOf(row: ReturnType<typeof shownRow>) {
  return COLUMNS.map((column) => row[column]);
}

const SHOWN: ReturnType<typeof shownRow> = {
  orderId: ORDER_ID,
  status: 'paid',
  productId: 3,
  generation: 1,
  customer: 'ada',
  quantity: 1,
  number: 1,
  channel: 'sync',
  amountMinor: 199999,
  currency: 'USD',
  attempts: 1,
  createdAt: '2026-11-22T16:20:14.796Z',
  expiresAt: '2026-11-22T16:30:14.796Z',
  updatedAt: '2026-11-22T16:20:14.857Z',
};
const ORDERS = { orders: [SHOWN], next: null };
const CSV = csvLine(COLUMNS) + csvLine(cellsOf(SHOWN));
