import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPostgresLedger } from '../../src/adapters/postgres/ledger.ts';
import { openThreadedStore } from '../../src/adapters/sqlite/threaded.ts';
import { searchPage } from '../../src/app/ops/order-search.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { lowestIdAt } from '../../src/domain/ids.ts';
import type { ShownStatus } from '../../src/domain/order.ts';
import { inSchema } from '../../src/lib/database-url.ts';
import type { Ledger } from '../../src/ports/ledger.ts';
import type { OrderFilter } from '../../src/ports/queries.ts';
import { startPrivateBackend } from '../services/private-backends.ts';
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
 *   bun bench/search/run.ts sqlite|postgres [orders] [pages of each filter]
 *
 * Prints JSON. Measured is `searchPage`, which is the route without HTTP, one search at a time; half of them are first pages, half begin
 * anywhere. It does not measure purchases beside it.
 */
const [backend = 'sqlite', orders = '5000000', pages = '200'] = Bun.argv.slice(2);
const LIMIT = 50;
const STATUSES: readonly ShownStatus[] = [
  'reserved',
  'charging',
  'paid',
  'declined',
  'expired',
  'cancelled',
  'refunding',
  'refunded',
];

const filled = planned(Number(orders));
const startedAtMs = performance.now();
await using opened = await (backend === 'postgres' ? openPostgres() : openSqlite());
const filledInMs = performance.now() - startedAtMs;
const results = [];
for (const [name, makeFilter] of Object.entries(filters(filled)))
  results.push({ filter: name, ...(await measure(opened.ledger, makeFilter)) });
const p99Ms = Math.max(...results.map((result) => result.p99Ms));
console.log(
  JSON.stringify(
    { backend, orders: filled.orders, filledInMs: Math.round(filledInMs), p99Ms, results },
    null,
    1,
  ),
);

async function measure(ledger: Ledger, makeFilter: () => OrderFilter) {
  const tookMs: number[] = [];
  const cpuMs: number[] = [];
  let short = 0;
  let found = 0;
  for (let i = 0; i < Number(pages); i++) {
    const somewhere = lowestIdAt(filled.firstMs + Math.random() * filled.orders * filled.stepMs);
    const filter = { ...makeFilter(), before: i % 2 === 0 ? null : somewhere };
    const cpuBefore = process.cpuUsage();
    const beganAtMs = performance.now();
    const page = await searchPage(ledger, filter, LIMIT);
    tookMs.push(performance.now() - beganAtMs);
    const { user, system } = process.cpuUsage(cpuBefore);
    cpuMs.push((user + system) / 1000);
    found += page.orders.length;
    if (page.next !== null && page.orders.length < LIMIT) short++;
  }
  tookMs.sort((a, b) => a - b);
  cpuMs.sort((a, b) => a - b);
  const at = (sorted: readonly number[], share: number) =>
    Number(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!.toFixed(2));
  return {
    p50Ms: at(tookMs, 0.5),
    p99Ms: at(tookMs, 0.99),
    maxMs: at(tookMs, 1),
    /** Of this process, which on the embedded ledger does it all; what else the machine did is not in it. */
    cpuP99Ms: at(cpuMs, 0.99),
    ordersPerPage: found / tookMs.length,
    shortPages: short,
  };
}

function filters({ orders, firstMs, stepMs }: Filled): Record<string, () => OrderFilter> {
  const below = (n: number) => Math.floor(Math.random() * n);
  const customer = () => `c${below(CUSTOMERS)}`;
  const productId = () => FIRST_PRODUCT + below(PRODUCTS);
  const anHour = () => {
    const fromMs = firstMs + below(orders * stepMs);
    return { fromMs, toMs: fromMs + 3_600_000 };
  };
  const all: Record<string, () => OrderFilter> = {
    none: () => ({}),
    customer: () => ({ customer: customer() }),
    'customer nobody': () => ({ customer: 'nobody' }),
    'customer program': () => ({ customer: PROGRAM }),
    product: () => ({ productId: productId() }),
    'product old': () => ({ productId: OLD_PRODUCT }),
    hour: anHour,
    'customer, product': () => ({ customer: PROGRAM, productId: productId() }),
    'hour, product': () => ({ ...anHour(), productId: productId() }),
    'hour, customer': () => ({ ...anHour(), customer: customer() }),
  };
  for (const status of STATUSES) {
    all[`status ${status}`] = () => ({ status });
    all[`status ${status}, product`] = () => ({ status, productId: productId() });
    all[`status ${status}, product old`] = () => ({ status, productId: OLD_PRODUCT });
    all[`status ${status}, customer program`] = () => ({ status, customer: PROGRAM });
    all[`status ${status}, hour`] = () => ({ status, ...anHour() });
  }
  return all;
}

async function openSqlite(): Promise<AsyncDisposable & { readonly ledger: Ledger }> {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-search-'));
  const remove = () => rmSync(folder, { recursive: true });
  try {
    fillSqlite(folder, filled);
    const fail = (error: unknown) => console.error(error);
    const { ledger, close } = await openThreadedStore(folder, systemClock, fail, fail);
    return { ledger, [Symbol.asyncDispose]: () => close().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}

async function openPostgres(): Promise<AsyncDisposable & { readonly ledger: Ledger }> {
  const server = await startPrivateBackend('postgres');
  try {
    const url = inSchema(server.url, 'pulsecart');
    const { ledger } = await openPostgresLedger({ url, poolSize: 4, onTrouble: console.error });
    await fillPostgres(url, filled);
    return { ledger, [Symbol.asyncDispose]: () => ledger.close().finally(() => server.close()) };
  } catch (error) {
    await server.close();
    throw error;
  }
}
