import { expect, test } from 'bun:test';
import { KIND, openCollector } from '../support/collector.ts';
import { runPulsecart } from '../support/command.ts';
import { openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const SOON = { OTEL_BSP_SCHEDULE_DELAY: '20' };
const BODY = { productId: 1, quantity: 1, userId: 'ada' };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const sampled = (traceId: string) => ({ traceparent: `00-${traceId}-${PARENT}-01` });
const unsampled = (traceId: string) => ({ traceparent: `00-${traceId}-${PARENT}-00` });
const traceOf = (i: number) => i.toString(16).padStart(32, '0');

test("P9 a sync purchase continues its caller's trace: request, ledger and charge", async () => {
  using collector = openCollector();
  await using shop = await openShop({
    ...SOON,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=s%20t',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const bought = await shop.buy('sync', BODY, { ...sampled(TRACE), tracestate: 'shop=7' });
  expect(bought.status).toBe(200);
  const { orderId } = bought.json;
  const found = (name: string) => collector.inTrace(TRACE).find((span) => span.name === name);
  await until(
    () => found('charge payment') !== undefined && found('POST /api/v1/sync/purchase') !== undefined,
  );

  const request = found('POST /api/v1/sync/purchase')!;
  expect(request).toMatchObject({
    kind: KIND.server,
    parentSpanId: PARENT,
    traceState: 'shop=7',
    status: { code: 0 },
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/api/v1/sync/purchase',
      'http.response.status_code': 200,
      'pulsecart.product.id': 1,
      'pulsecart.purchase.id': orderId,
      'pulsecart.outcome': 'reserved',
    },
    resource: {
      'service.name': 'pulsecart',
      'process.pid': shop.server.pid,
      'deployment.environment.name': 'test',
    },
  });
  const decided = found('decide ledger')!;
  expect(decided).toMatchObject({
    kind: KIND.client,
    parentSpanId: request.spanId,
    attributes: { 'db.system.name': 'sqlite', 'pulsecart.outcome': 'reserved' },
  });
  const queued = found('send payments')!;
  expect(queued).toMatchObject({ kind: KIND.producer, parentSpanId: decided.spanId });
  expect(found('charge payment')).toMatchObject({
    kind: KIND.client,
    parentSpanId: queued.spanId,
    attributes: { 'pulsecart.order.id': orderId, 'pulsecart.outcome': 'captured' },
  });
  const batch = collector.spans.find(({ name }) => name === 'purchase batch')!;
  expect(batch.links).toMatchObject([{ traceId: TRACE, spanId: request.spanId }]);
  expect(decided.links).toMatchObject([{ traceId: batch.traceId, spanId: batch.spanId }]);
  expect(collector.posts[0]).toMatchObject({ 'api-key': 's t', 'content-type': 'application/json' });
  const metrics = (await shop.get('/actuator/prometheus')).text;
  expect(Number(/^pulsecart_spans_exported_total (\d+)/m.exec(metrics)![1])).toBeGreaterThan(3);
  expect(metrics).toContain('pulsecart_spans_dropped_total 0');
});

test('P9 a refusal, bad input and a caller who does not sample are traced as that', async () => {
  using collector = openCollector();
  await using shop = await openShop({
    ...SOON,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
  });
  await shop.reset(1, 1);
  await shop.buy('sync', BODY, unsampled(traceOf(1)));
  await shop.buy('sync', BODY, sampled(traceOf(2)));
  await shop.buy('sync', { productId: 0 }, sampled(traceOf(3)));
  await shop.buy('async', { ...BODY, productId: 999 }, sampled(traceOf(4)));
  const requests = () => collector.spans.filter(({ kind }) => kind === KIND.server);
  await until(() => requests().length >= 3);
  // The rest is sent at the end.
  expect(await shop.server.stop()).toBe(0);
  const told = requests().map(({ traceId, attributes }) => [
    traceId,
    attributes['http.response.status_code'],
    attributes['pulsecart.outcome'],
  ]);
  expect(told).toEqual([
    [traceOf(2), 409, 'sold_out'],
    [traceOf(3), 400, undefined],
    [traceOf(4), 404, 'unknown_product'],
  ]);
  expect(collector.inTrace(traceOf(1))).toEqual([]);
});

test('P9 of purchases without a trace the share that is set is sampled', async () => {
  using collector = openCollector();
  const env = {
    ...SOON,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_TRACES_SAMPLER: 'traceidratio',
    PULSECART_LOG_REQUESTS: 'on',
  };
  await using shop = await openShop({ ...env, OTEL_TRACES_SAMPLER_ARG: '0' });
  for (let i = 0; i < 20; i++) await shop.buy('sync', BODY, sampled(traceOf(i + 1)));
  expect(await shop.restart({ ...env, OTEL_TRACES_SAMPLER_ARG: '1' })).toBe(0);
  expect(collector.spans).toEqual([]);
  await shop.buy('sync', BODY, { 'X-Request-Id': 'mine' });
  expect(await shop.server.stop()).toBe(0);
  const request = collector.spans.find(({ name }) => name === 'POST /api/v1/sync/purchase')!;
  expect(request.attributes['pulsecart.request.id']).toBe('mine');
  const line = shop.server.log().match(/^.*"requestId":"mine".*$/m)![0];
  expect(JSON.parse(line)).toMatchObject({ traceId: request.traceId, status: 200 });
});

test.each([
  ['that never answers', 'silent'],
  ['that is not there', 'gone'],
])(
  'P9 with a collector %s purchases are answered, lost spans are counted, and the end is not delayed',
  async (_, how) => {
    using silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    if (how === 'gone') silent.stop(true);
    await using shop = await openShop({
      ...SOON,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent.port}`,
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/nowhere',
      OTEL_BSP_MAX_QUEUE_SIZE: '50',
    });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => shop.buy('sync', { ...BODY, userId: `u${i}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(200));
    const dropped = async () => {
      const { text } = await shop.get('/actuator/prometheus');
      return Number(/^pulsecart_spans_dropped_total (\d+)/m.exec(text)![1]);
    };
    await until(async () => (await dropped()) > 100);
    const warnings = () =>
      shop.server.log().match(/"dropped":\d+,"reason":"[^"]+","msg":"spans dropped/g) ?? [];
    expect(warnings()).toHaveLength(1);
    expect(shop.server.log()).toContain('"msg":"traces: Failed to read root certificate file"');
    const stoppedAtMs = performance.now();
    expect(await shop.server.stop()).toBe(0);
    expect(performance.now() - stoppedAtMs).toBeLessThan(8_000);
    expect(shop.server.log()).toContain('"msg":"stopped"');
  },
);

test('P9 a value that is none of the specification stops the start with one line', async () => {
  const bad = {
    OTEL_TRACES_SAMPLER: [
      'sometimes',
      /^pulsecart: OTEL_TRACES_SAMPLER must be one of always_on, .*"sometimes"\.\n$/,
    ],
    OTEL_EXPORTER_OTLP_ENDPOINT: [
      'localhost:4318',
      /^pulsecart: OTEL_EXPORTER_OTLP_ENDPOINT must begin with .*\n$/,
    ],
    OTEL_EXPORTER_OTLP_PROTOCOL: [
      'grpc',
      /^pulsecart: OTEL_EXPORTER_OTLP_PROTOCOL must be http\/json; .*\n$/,
    ],
    OTEL_EXPORTER_OTLP_HEADERS: [
      'sesame',
      /^pulsecart: OTEL_EXPORTER_OTLP_HEADERS must be (?!.*sesame).*\n$/,
    ],
  } as const;
  for (const [name, [value, line]] of Object.entries(bad))
    expect(await runPulsecart(['serve', '--port', '0'], { [name]: value })).toMatchObject({
      exit: 2,
      stdout: '',
      stderr: expect.stringMatching(line),
    });
});
