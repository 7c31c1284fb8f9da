import { expect, test } from 'bun:test';
import { onDistributedBackends } from '../support/backends.ts';
import { type CollectedSpan, KIND, openCollector } from '../support/collector.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { until } from '../support/until.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

onDistributedBackends(() => {
  test('P9 one async purchase has its whole way through two processes in one trace', async () => {
    using collector = openCollector();
    await using shop = await openDistributedShop({
      env: {
        PULSECART_WORKER: 'off',
        PULSECART_PAYMENTS: 'off',
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_BSP_SCHEDULE_DELAY: '20',
        OTEL_TRACES_SAMPLER: 'parentbased_always_off',
      },
      workers: 1,
    });
    const found = (name: string) => collector.inTrace(TRACE).find((span) => span.name === name);
    // Others in the same messages and batches leave no spans.
    const others = Array.from({ length: 20 }, (_, i) =>
      shop.buy('async', { productId: 1, quantity: 1, userId: `other${i}` }),
    );
    const accepted = await shop.buy(
      'async',
      { productId: 1, quantity: 1, userId: 'ada' },
      { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'shop=7' },
    );
    expect(accepted.status).toBe(202);
    await Promise.all(others);
    const { trackingId } = accepted.json;
    const names = [
      'POST /api/v1/async/purchase',
      'send purchases',
      'process purchases',
      'decide ledger',
      'publish feed',
      'send payments',
      'charge payment',
    ];
    await until(() => names.every((name) => found(name) !== undefined));
    const way = names.map((name) => found(name)!);
    const [request, sent, processed, decided, published, queued, charged] = way as [
      CollectedSpan,
      ...CollectedSpan[],
    ] & { [i: number]: CollectedSpan };
    const [api, worker] = [shop.server.pid, shop.workers[0]!.pid];
    expect(
      way.map(({ name, parentSpanId, resource }) => [name, parentSpanId, resource['process.pid']]),
    ).toEqual([
      ['POST /api/v1/async/purchase', PARENT, api],
      ['send purchases', request.spanId, api],
      ['process purchases', sent!.spanId, worker],
      ['decide ledger', processed!.spanId, worker],
      ['publish feed', decided!.spanId, worker],
      ['send payments', decided!.spanId, worker],
      ['charge payment', queued!.spanId, worker],
    ]);
    expect(way.every(({ traceState }) => traceState === 'shop=7')).toBe(true);
    expect(request.attributes).toMatchObject({
      'http.response.status_code': 202,
      'pulsecart.outcome': 'accepted',
      'pulsecart.purchase.id': trackingId,
    });
    expect(sent).toMatchObject({ kind: KIND.producer, attributes: { 'messaging.system': 'rabbitmq' } });
    expect(processed).toMatchObject({
      kind: KIND.consumer,
      attributes: { 'messaging.destination.name': 'purchases', 'pulsecart.outcome': 'reserved' },
    });
    expect(decided!.attributes).toMatchObject({ 'db.system.name': 'postgresql' });
    expect(published!.attributes).toMatchObject({ 'messaging.system': 'redis' });
    expect(charged!.attributes).toMatchObject({
      'pulsecart.order.id': trackingId,
      'pulsecart.outcome': 'captured',
    });

    const received = collector.spans.find(({ name }) => name === 'receive purchases')!;
    expect(received).toMatchObject({
      kind: KIND.consumer,
      links: [{ traceId: TRACE, spanId: sent!.spanId }],
    });
    expect(processed!.links).toMatchObject([{ traceId: received.traceId, spanId: received.spanId }]);
    const ofOthers = collector.spans.filter(
      ({ traceId, links }) => traceId !== TRACE && !links.some((link) => link.traceId === TRACE),
    );
    expect(ofOthers).toEqual([]);
  });

  test('P9 a sync purchase has its claim at the gate in its trace', async () => {
    using collector = openCollector();
    await using shop = await openDistributedShop({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '20' },
    });
    const body = { productId: 1, quantity: 1, userId: 'ada' };
    await shop.buy('sync', body, { traceparent: `00-${TRACE}-${PARENT}-01` });
    const found = (name: string) => collector.inTrace(TRACE).find((span) => span.name === name);
    await until(() => found('charge payment') !== undefined && found('claim gate') !== undefined);
    expect(found('claim gate')).toMatchObject({
      kind: KIND.client,
      parentSpanId: found('POST /api/v1/sync/purchase')!.spanId,
      attributes: { 'db.system.name': 'redis' },
    });
  });
});
