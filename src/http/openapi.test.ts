import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { type ServerProcess, startServer } from '../../bench/server-process.ts';
import { holdWrites } from '../../tests/support/hold-writes.ts';
import { until } from '../../tests/support/until.ts';
import { openApiDocument } from './openapi.ts';
import { STREAM_EVENTS, STREAM_EXAMPLE, type StreamEventName } from './routes/stream-schemas.ts';
import { createRoutes } from './routes.ts';
import type { Service } from './service.ts';

// Making the table touches nothing of the service.
const document = openApiDocument(createRoutes({} as Service), '1.2.3', Date.now());
const components = document.components.schemas;

describe('the document', () => {
  test('has operation ids that are unique', () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('has no reference that leads nowhere', () => {
    const text = JSON.stringify(document);
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([\w-]+)"/g)) {
      expect([kind, Object.keys((document.components as Record<string, object>)[kind!]!)]).toEqual([
        kind,
        expect.arrayContaining([name]),
      ]);
    }
  });

  test('gives examples that its schemas allow', () => {
    const wrong = contents().flatMap(({ where, schema, examples }) =>
      Object.entries(examples)
        .filter(([, { value }]) => !Compile(withoutRefs(schema)).Check(value))
        .map(([name]) => `${where}: ${name}`),
    );
    expect(wrong).toEqual([]);
  });
});

test('the example of a stream is made of events that their schemas allow', () => {
  const events = STREAM_EXAMPLE.split('\n\n').filter((message) => message.includes('event: '));
  expect(events.length).toBeGreaterThan(1);
  for (const message of events) {
    const { name, data } = /event: (?<name>.*)\ndata: (?<data>.*)$/.exec(message)!.groups!;
    const { schema } = STREAM_EVENTS[name as StreamEventName];
    expect([...Compile(schema).Errors(JSON.parse(data!))]).toEqual([]);
  }
});

describe('a running server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecart-openapi-'));
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServer({ dataFolder: folder });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('answers a sync purchase as described, bought, refused and malformed', async () => {
    await expectAnswers('post', '/api/v1/sync/purchase', {}, [
      [200, buying({ productId: 1, quantity: 1, userId: 'ada' })],
      [409, buying({ productId: 3, quantity: 101 })],
      [400, buying({ productId: 1, quantity: 0 })],
      [404, buying({ productId: 77, quantity: 1 })],
      [413, buying({ productId: 1, quantity: 1, note: 'x'.repeat(20_000) })],
      [415, { method: 'POST', body: '{}', headers: { 'Content-Type': 'text/plain' } }],
    ]);
  });

  test('answers a key that was used for another purchase as described, both ways', async () => {
    for (const path of ['/api/v1/sync/purchase', '/api/v1/async/purchase']) {
      const keyed = (quantity: number) =>
        buying({ productId: 2, quantity, userId: 7 }, { 'Idempotency-Key': 'k' });
      const done = path.includes('async') ? 202 : 200;
      await expectAnswers('post', path, {}, [
        [done, keyed(1)],
        [done, keyed(1)],
        [422, keyed(2)],
      ]);
    }
  });

  test('answers an async purchase and its tracking as described', async () => {
    const [accepted] = await expectAnswers('post', '/api/v1/async/purchase', {}, [
      [202, buying({ productId: 1, quantity: 2, userId: 'grace' })],
    ]);
    const trackingId = (accepted as { trackingId: string }).trackingId;
    const tracking = '/api/v1/async/purchase/{trackingId}';
    await expectAnswers('get', tracking, { trackingId, query: '?wait=10s' }, [[200, {}]]);
    await expectAnswers('get', tracking, { trackingId, query: '?wait=soon' }, [[400, {}]]);
    await expectAnswers('get', tracking, { trackingId: crypto.randomUUID() }, [[404, {}]]);
    const orders = '/api/v1/orders/{orderId}';
    await until(async () => {
      const [order] = await expectAnswers('get', orders, { orderId: trackingId }, [[200, {}]]);
      return (order as { status: string }).status === 'paid';
    });
    await expectAnswers('get', orders, { orderId: 'nobody' }, [[404, {}]]);
    await expectAnswers('get', '/api/v1/async/queue/status', {}, [[200, {}]]);
  });

  test('answers about the end of an order as described', async () => {
    const [bought, other] = await expectAnswers('post', '/api/v1/sync/purchase', {}, [
      [200, buying({ productId: 1, quantity: 1, userId: 'ada' })],
      [200, buying({ productId: 1, quantity: 1, userId: 'test_timeout' })],
    ]);
    const [orderId, charging] = [bought, other].map((order) => (order as { orderId: string }).orderId);
    const [cancel, refund] = ['/api/v1/orders/{orderId}/cancel', '/api/v1/orders/{orderId}/refund'];
    const untilIt = (id: string, status: string) =>
      until(async () => {
        const [order] = await expectAnswers('get', '/api/v1/orders/{orderId}', { orderId: id }, [[200, {}]]);
        return (order as { status: string }).status === status;
      });
    await untilIt(orderId!, 'paid');
    await untilIt(charging!, 'charging');
    const nobody = { Authorization: '' };
    await expectAnswers('post', cancel, { orderId: orderId! }, [
      [409, buying({ userId: 'ada' })],
      [404, buying({ userId: 'eve' })],
      [400, buying({ userId: [] })],
      [401, buying({ reason: 'x' }, nobody)],
      [413, buying({ userId: 'x'.repeat(20_000) })],
      [415, { method: 'POST', body: '{}', headers: { 'Content-Type': 'text/plain' } }],
    ]);
    await expectAnswers('post', cancel, { orderId: charging! }, [[409, buying({ userId: 'test_timeout' })]]);
    await expectAnswers('post', refund, { orderId: charging! }, [[409, buying({ reason: 'x' })]]);
    await expectAnswers('post', refund, { orderId: 'nobody' }, [[404, buying({ reason: 'x' })]]);
    await expectAnswers('post', refund, { orderId: orderId! }, [
      [400, buying({})],
      [401, buying({ reason: 'x' }, nobody)],
      [202, buying({ reason: 'It came broken' })],
    ]);
    await untilIt(orderId!, 'refunded');
    await expectAnswers('post', refund, { orderId: orderId! }, [[200, buying({ reason: 'Again' })]]);
  });

  test('answers about stock as described', async () => {
    const stock = '/api/v1/sync/stock/{productId}';
    await expectAnswers('get', stock, { productId: '5' }, [
      [200, {}],
      [304, { headers: { 'If-None-Match': '"1"' } }],
    ]);
    await expectAnswers('get', stock, { productId: '0' }, [[404, {}]]);
    await expectAnswers('post', '/api/v1/sync/stock/init/{productId}', { productId: '5' }, [
      [200, { method: 'POST' }],
      [401, { method: 'POST', headers: { 'X-Forwarded-For': '203.0.113.9' } }],
    ]);
    const reset = '/api/v1/sync/stock/{productId}/reset';
    await expectAnswers('put', reset, { productId: '5', query: '?stock=0' }, [[200, { method: 'PUT' }]]);
    await expectAnswers('put', reset, { productId: '5', query: '?stock=-1' }, [[400, { method: 'PUT' }]]);
    await expectAnswers('put', reset, { productId: '99', query: '?stock=1' }, [[404, { method: 'PUT' }]]);
  });

  test('answers about products as described', async () => {
    const acting = (body: object, headers: Record<string, string> = {}, method = 'POST') => ({
      ...buying({ reason: 'for the test', ...body }, headers),
      method,
    });
    const thing = { name: 'Thing', priceMinor: 100, currency: 'EUR', units: 5 };
    const nobody = { Authorization: '' };
    await expectAnswers('get', '/api/v1/products', { query: '?limit=0' }, [[400, {}]]);
    const [made] = await expectAnswers('post', '/api/v1/products', {}, [
      [201, acting(thing)],
      [400, acting({ ...thing, closesAt: '2001-01-01T00:00:00Z' })],
      [401, acting(thing, nobody)],
      [409, acting({ ...thing, productId: 1 })],
      [413, acting({ ...thing, note: 'x'.repeat(20_000) })],
      [415, acting(thing, { 'Content-Type': 'text/plain' })],
    ]);
    const productId = String((made as { productId: number }).productId);
    const product = '/api/v1/products/{productId}';
    await expectAnswers('get', product, { productId }, [
      [200, {}],
      [304, { headers: { 'If-None-Match': '"1.open"' } }],
    ]);
    await expectAnswers('get', product, { productId: '77' }, [[404, {}]]);
    await expectAnswers('patch', product, { productId }, [
      [200, acting({ perCustomerLimit: 1 }, {}, 'PATCH')],
      [400, acting({ perCustomerLimit: 0 }, {}, 'PATCH')],
      [401, acting({ perCustomerLimit: 1 }, nobody, 'PATCH')],
      [412, acting({ perCustomerLimit: 1 }, { 'If-Match': '"1"' }, 'PATCH')],
    ]);
    await expectAnswers('post', `${product}/units`, { productId }, [
      [200, acting({ delta: -5 })],
      [409, acting({ delta: -1 })],
    ]);
    for (const action of ['pause', 'resume', 'drain']) {
      await expectAnswers('post', `${product}/${action}`, { productId }, [
        [200, acting({})],
        [400, acting({ reason: '' })],
        [401, acting({}, nobody)],
      ]);
      await expectAnswers('post', `${product}/${action}`, { productId: '77' }, [[404, acting({})]]);
    }
  });

  test('answers operators as described while the ledger cannot write', async () => {
    using _held = holdWrites(folder);
    const thing = { name: 'Thing', priceMinor: 100, currency: 'EUR', units: 5 };
    const asked = buying({ reason: 'for the test', ...thing }, { 'X-Request-Id': 'mine' });
    const audit = buying({ reason: 'for the test' }, { 'X-Request-Id': 'mine' });
    const answers = await Promise.all([
      expectAnswers('post', '/api/v1/products', {}, [[503, asked]]),
      expectAnswers('post', '/api/v1/ops/audit', {}, [[503, audit]]),
    ]);
    for (const [body] of answers) expect(body).toMatchObject({ code: 'unavailable', requestId: 'mine' });
  }, 60_000);

  test('answers about itself as described', async () => {
    const paths = Object.keys(document.paths).filter((path) => !path.includes('{'));
    for (const path of paths) {
      // A stream does not end; its own tests read it.
      if (path === '/api/v1/stock/stream') await expectAnswers('get', path, {}, [[400, {}]]);
      else if (document.paths[path]!.get) await expectAnswers('get', path, {}, [[200, {}]]);
    }
    const metric = '/actuator/metrics/{name}';
    await expectAnswers('get', metric, { name: 'pulsecart_purchases_inside' }, [[200, {}]]);
    await expectAnswers('get', metric, { name: 'pulsecart_nothing' }, [[404, {}]]);
  });

  /** Makes each request and holds its answer against what the document says of that status; answers the bodies. */
  async function expectAnswers(
    method: string,
    path: string,
    { query = '', ...parameters }: Record<string, string>,
    requests: readonly (readonly [status: number, init: RequestInit])[],
  ): Promise<unknown[]> {
    const url = server.url + path.replace(/\{(\w+)\}/g, (_, name) => parameters[name]!) + query;
    const bodies: unknown[] = [];
    for (const [status, init] of requests) {
      const isOperator =
        '401' in document.paths[path]![method]!.responses && !/\/(stock|cancel)\b/.test(path);
      const headers = {
        ...(isOperator && { Authorization: `Bearer ${server.operatorToken}` }),
        ...(init.headers as Record<string, string>),
      };
      const response = await fetch(url, { ...init, headers });
      const text = await response.text();
      expect(`${response.status} ${text}`).toStartWith(`${status} `);
      const described = document.paths[path]![method]!.responses[status] as Described;
      for (const name of Object.keys(described.headers ?? {})) {
        // A status with several shapes has headers that only some of them carry.
        if (!(status === 409 && name === 'Retry-After')) expect(response.headers.get(name)).not.toBeNull();
      }
      bodies.push(described.content ? readBody(response, text, described.content) : text);
    }
    return bodies;
  }
});

interface Described {
  readonly headers?: object;
  readonly content?: Readonly<Record<string, { schema: object; examples?: Record<string, Example> }>>;
}

interface Example {
  readonly value: unknown;
}

function readBody(response: Response, text: string, content: NonNullable<Described['content']>): unknown {
  const type = response.headers.get('content-type')!.split(';')[0]!;
  expect(Object.keys(content)).toContain(type);
  const body: unknown = type.endsWith('json') ? JSON.parse(text) : text;
  expect({ body, errors: [...Compile(withoutRefs(content[type]!.schema)).Errors(body)] }).toEqual({
    body,
    errors: [],
  });
  return body;
}

/** Every body that the document describes. */
function contents(): { where: string; schema: object; examples: Record<string, Example> }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { responses, requestBody }]) =>
      Object.entries({ ...responses, request: requestBody ?? {} } as Record<string, Described>).flatMap(
        ([status, { content = {} }]) =>
          Object.values(content).map(({ schema, examples = {}, ...rest }) => ({
            where: `${method} ${path} ${status}`,
            schema,
            examples: 'example' in rest ? { example: { value: rest.example } } : examples,
          })),
      ),
    ),
  );
}

/** The schema with its components in place. None of them contains itself. */
function withoutRefs(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_, value) => {
    const name = (value as { $ref?: string } | null)?.$ref?.split('/').at(-1);
    return name === undefined ? value : withoutRefs(components[name]!);
  });
}

function buying(body: object, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  };
}
