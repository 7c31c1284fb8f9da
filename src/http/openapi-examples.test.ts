import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openPurchaseFixture, type PurchaseFixture } from '../../tests/support/purchase-fixture.ts';
import { createProductReader } from '../app/catalog/product-reader.ts';
import { createSales } from '../app/catalog/sales.ts';
import { createLog } from '../telemetry/log.ts';
import { createTrustedProxies } from './client-address.ts';
import type { OpenApiDocument } from './openapi.ts';
import { createRoutes } from './routes.ts';
import { handlersOf } from './server.ts';
import type { Service } from './service.ts';

/** Days after which the same process is asked again; the last ones are over a month's and a year's end from anywhere. */
const DAYS_LATER = [0, 1, 4, 31, 400];
const DAY_MS = 86_400_000;
const TOKEN = 'a-token-of-enough-characters';

let fixture: PurchaseFixture;
let server: Bun.Server<unknown>;

beforeAll(async () => {
  fixture = await openPurchaseFixture();
  // It begins at a noon, so that no day ends between two lines of a test.
  fixture.passTime(DAY_MS - (Date.now() % DAY_MS) + DAY_MS / 2);
  const { ledger, gate, stockCache, clock } = fixture;
  const sales = createSales({ ledger, gate, stockCache });
  const operators = { token: TOKEN, trustsThisMachine: false };
  const trustedProxies = createTrustedProxies([]);
  const productReader = createProductReader(ledger, stockCache, clock);
  const shared = { sales, productReader, ledger, stockCache, clock };
  const service = { version: '1.2.3', ...shared, operators, trustedProxies } as unknown as Service;
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    routes: handlersOf(createRoutes(service), createLog('silent')) as Bun.Serve.Routes<unknown, string>,
  });
});
afterAll(async () => {
  await server.stop(true);
  await fixture.close();
});

test.each(DAYS_LATER)('what readers copy is taken by a server that has run for %d days', async (days) => {
  const { headers } = await fetch(new URL('/openapi.json', server.url));
  fixture.passTime(days * DAY_MS);
  // A reader who has the document of an earlier day gets the one of today.
  const response = await fetch(new URL('/openapi.json', server.url), {
    headers: { 'If-None-Match': headers.get('etag')! },
  });
  expect(response.status).toBe(days === 0 ? 304 : 200);
  const { paths } = await openApi();
  const created = await send('POST', '/api/v1/products', exampleOf(paths, '/api/v1/products', 'post'));
  expect(created).toMatchObject({ status: 201, body: { state: 'not_open' } });
  const path = `/api/v1/products/${(created.body as { productId: number }).productId}`;
  const change = exampleOf(paths, '/api/v1/products/{productId}', 'patch');
  expect(await send('PATCH', path, change)).toMatchObject({ status: 200, body: { state: 'not_open' } });
});

test('times of one example fit together', async () => {
  const { paths } = await openApi();
  const [sent, { body }] = [exampleOf(paths, '/api/v1/products', 'post'), answerOf(paths)];
  expect([Date.parse(body.opensAt), Date.parse(body.closesAt)]).toEqual([
    Date.parse(sent.opensAt),
    Date.parse(sent.closesAt),
  ]);
  const times = [body.serverTime, body.opensAt, body.closesAt].map(Date.parse);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(Math.floor(times[0]! / DAY_MS)).toBe(Math.floor(fixture.clock() / DAY_MS));
});

async function openApi(): Promise<OpenApiDocument> {
  return (await (await fetch(new URL('/openapi.json', server.url))).json()) as OpenApiDocument;
}

type Times = Record<'opensAt' | 'closesAt' | 'serverTime', string>;

function exampleOf(paths: OpenApiDocument['paths'], path: string, method: 'post' | 'patch'): Times {
  const { content } = paths[path]![method]!.requestBody!;
  return content['application/json']!.example as Times;
}

function answerOf(paths: OpenApiDocument['paths']): { body: Times } {
  const { content } = paths['/api/v1/products']!.post!.responses['201']!;
  return { body: content!['application/json']!.examples!.product!.value as Times };
}

async function send(method: string, path: string, body: object): Promise<{ status: number; body: unknown }> {
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` };
  const response = await fetch(new URL(path, server.url), { method, headers, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}
