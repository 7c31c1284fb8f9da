import { SHOWN_STATUSES } from '../../src/domain/order.ts';
import type { Environment } from '../environment.ts';
import { type BackendChoice, openEnvironments } from '../open-environments.ts';
import {
  CUSTOMERS,
  FIRST_PRODUCT,
  type Filled,
  fillPostgres,
  fillSqlite,
  OLD_PRODUCT,
  PRODUCTS,
  PROGRAM,
  planned,
} from './fill.ts';

/**
 * How long operators wait for a page of orders, by what they look for, in a ledger of millions:
 *
 *   bun bench/search/run.ts embedded|production [orders] [pages of each filter]
 *
 * Prints JSON. One page at a time, over HTTP; half of them are first pages, half begin anywhere. It does not measure purchases beside it.
 */
const [backends = 'embedded', orders = '5000000', pages = '200'] = Bun.argv.slice(2);
const LIMIT = 50;
const TOKEN = 'operator-of-the-benchmark';
/** Nothing is charged, so that the orders stay as they are. */
const ENV = { PULSECART_OPERATOR_TOKEN: TOKEN, PULSECART_PAYMENTS: 'off' };

type Filter = Readonly<Record<string, string | number>>;

const filled = planned(Number(orders));
const environments = await openEnvironments(backends as BackendChoice);
const environment = await environments.open();
const startedAtMs = performance.now();
try {
  await (await environment.startServer(ENV)).stop();
  await fill(environment);
  const filledInMs = Math.round(performance.now() - startedAtMs);
  const server = await environment.startServer(ENV);
  const results = [];
  for (const [name, makeFilter] of Object.entries(filters(filled)))
    results.push({ filter: name, ...(await measure(server.url, makeFilter)) });
  await server.stop();
  const p99Ms = Math.max(...results.map((result) => result.p99Ms));
  console.log(JSON.stringify({ backends, orders: filled.orders, filledInMs, p99Ms, results }, null, 1));
} finally {
  await environment.close();
  await environments.close();
}

async function fill({ books }: Environment): Promise<void> {
  if ('databaseUrl' in books) await fillPostgres(books.databaseUrl, filled);
  else fillSqlite(books.dataFolder, filled);
}

async function measure(url: string, makeFilter: () => Filter) {
  const tookMs: number[] = [];
  let short = 0;
  let found = 0;
  for (let i = 0; i < Number(pages); i++) {
    const somewhere = idAt(filled.firstMs + Math.random() * filled.orders * filled.stepMs);
    const asked = { ...makeFilter(), limit: LIMIT, ...(i % 2 === 1 && { before: somewhere }) };
    const query = new URLSearchParams(
      Object.entries(asked).map(([name, value]): [string, string] => [name, `${value}`]),
    );
    const beganAtMs = performance.now();
    const answer = await fetch(`${url}/api/v1/orders?${query}`, {
      headers: { Authorization: `Bearer ${TOKEN}` },
    });
    const page = (await answer.json()) as { orders: unknown[]; next: string | null };
    tookMs.push(performance.now() - beganAtMs);
    if (answer.status !== 200) throw new Error(JSON.stringify(page));
    found += page.orders.length;
    if (page.next !== null && page.orders.length < LIMIT) short++;
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number) =>
    Number(tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))]!.toFixed(2));
  return {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    ordersPerPage: found / tookMs.length,
    shortPages: short,
  };
}

/** A UUID that begins with this time. */
function idAt(ms: number): string {
  const hex = Math.floor(ms).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function filters({ orders, firstMs, stepMs }: Filled): Record<string, () => Filter> {
  const below = (n: number) => Math.floor(Math.random() * n);
  const customer = () => `c${below(CUSTOMERS)}`;
  const productOf = () => FIRST_PRODUCT + below(PRODUCTS);
  const anHour = () => {
    const fromMs = firstMs + below(orders * stepMs);
    return { from: iso(fromMs), to: iso(fromMs + 3_600_000) };
  };
  const all: Record<string, () => Filter> = {
    none: () => ({}),
    customer: () => ({ customer: customer() }),
    'customer nobody': () => ({ customer: 'nobody' }),
    'customer program': () => ({ customer: PROGRAM }),
    product: () => ({ product: productOf() }),
    'product old': () => ({ product: OLD_PRODUCT }),
    hour: anHour,
    'customer, product': () => ({ customer: PROGRAM, product: productOf() }),
    'hour, product': () => ({ ...anHour(), product: productOf() }),
    'hour, customer': () => ({ ...anHour(), customer: customer() }),
  };
  for (const status of SHOWN_STATUSES) {
    all[`status ${status}`] = () => ({ status });
    all[`status ${status}, product`] = () => ({ status, product: productOf() });
    all[`status ${status}, product old`] = () => ({ status, product: OLD_PRODUCT });
    all[`status ${status}, customer program`] = () => ({ status, customer: PROGRAM });
    all[`status ${status}, hour`] = () => ({ status, ...anHour() });
  }
  return all;
}
