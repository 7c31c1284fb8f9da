import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type EmbeddedShop, openShop } from '../support/shop.ts';

/**
 * The requests of Spring Boot Admin's own client code (its server's QueryIndexEndpointStrategy, StatusUpdater and InfoUpdater,
 * and its pages' instance.ts), with the headers that they send and judged as they judge.
 */

const ACCEPT = {
  Accept:
    'application/vnd.spring-boot.actuator.v3+json,application/vnd.spring-boot.actuator.v2+json,' +
    'application/vnd.spring-boot.actuator.v1+json,application/json',
};
const ACTUATOR_TYPE = /^application\/vnd\.spring-boot\.actuator\.v[123]\+json/;

let shop: EmbeddedShop;
beforeAll(async () => {
  shop = await openShop();
  await shop.reset(1, 1);
  for (const quantity of [1, 1, 0]) await shop.buy('sync', { productId: 1, quantity });
  await shop.buy('async', { productId: 1, quantity: 1 });
});
afterAll(() => shop[Symbol.asyncDispose]());

const ask = (path: string) => shop.get(path, ACCEPT);
const metric = async (path: string) => (await ask(`/actuator/metrics/${path}`)).json;

describe('B8 Spring Boot Admin', () => {
  test('finds the endpoints in the index of links, which has the type that it insists on', async () => {
    const index = await ask('/actuator');
    expect(index.status).toBe(200);
    expect(index.headers.get('content-type')).toMatch(ACTUATOR_TYPE);
    const links = Object.entries<{ href: string; templated: boolean }>(index.json._links);
    const endpoints = links.filter(([name, { templated }]) => name !== 'self' && !templated);
    expect(endpoints.map(([name]) => name)).toEqual(['health', 'info', 'metrics', 'prometheus']);
    for (const [, { href }] of endpoints) {
      expect(href).toStartWith(`${shop.url.replace(/\/$/, '')}/actuator/`);
      expect((await fetch(href, { headers: ACCEPT })).status).toBe(200);
    }
    expect(index.json._links['health-path']).toMatchObject({ templated: true });
    expect(index.json._links['metrics-requiredMetricName']).toMatchObject({
      href: expect.stringMatching(/\/actuator\/metrics\/\{requiredMetricName\}$/),
      templated: true,
    });
  });

  test('reads health, its groups, each component and the info', async () => {
    const health = await ask('/actuator/health');
    expect(health.headers.get('content-type')).toMatch(ACTUATOR_TYPE);
    expect(health.json).toMatchObject({ status: 'UP', groups: ['liveness', 'readiness'] });
    const parts = [...Object.keys(health.json.components), ...health.json.groups];
    expect(parts).toHaveLength(5);
    for (const part of parts) {
      const one = await ask(`/actuator/health/${part}`);
      expect([one.status, one.json.status]).toEqual([200, 'UP']);
    }
    expect((await ask('/actuator/health/db')).json).toEqual({ status: 'UP' });
    for (const none of ['nothing', 'toString', '__proto__']) {
      expect((await ask(`/actuator/health/${none}`)).status).toBe(404);
    }
    expect((await ask('/actuator/info')).json.app.name).toBe('pulsecart');
  });

  test('asks for a metric by tags, the first of them twice, and is offered the other tags', async () => {
    const all = await metric('pulsecart_purchases_total');
    expect(all.availableTags.map(({ tag }: { tag: string }) => tag)).toEqual(['channel', 'outcome']);
    expect(all.measurements).toEqual([{ statistic: 'COUNT', value: 3 }]);
    const sync = await metric('pulsecart_purchases_total?tag=channel%3Async&tag=channel%3Async');
    expect(sync.measurements).toEqual([{ statistic: 'COUNT', value: 2 }]);
    expect(sync.availableTags.map(({ tag }: { tag: string }) => tag)).toEqual(['outcome']);
    const tags = 'tag=channel%3Async&tag=channel%3Async&tag=outcome%3Areserved';
    expect(await metric(`pulsecart_purchases_total?${tags}`)).toMatchObject({
      measurements: [{ statistic: 'COUNT', value: 1 }],
      availableTags: [],
    });
    expect((await ask('/actuator/metrics/pulsecart_purchases_total?tag=channel%3Anone')).status).toBe(404);
    const wrong = await ask('/actuator/metrics/pulsecart_purchases_total?tag=channel');
    expect([wrong.status, wrong.json.code, wrong.json.field]).toEqual([400, 'invalid_request', 'tag']);
  });

  test('reads a histogram as a count, a total time and a longest one', async () => {
    const { measurements, availableTags } = await metric('pulsecart_purchase_seconds?tag=channel%3Async');
    expect(measurements).toEqual([
      { statistic: 'COUNT', value: 2 },
      { statistic: 'TOTAL_TIME', value: expect.any(Number) },
      { statistic: 'MAX', value: expect.any(Number) },
    ]);
    const [, { value: total }, { value: longest }] = measurements;
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThanOrEqual(total);
    expect(total).toBeLessThanOrEqual(2 * longest);
    expect(availableTags).toEqual([]);
  });

  test('gets plain JSON where the caller does not ask for its own type', async () => {
    for (const path of ['/actuator', '/actuator/health', '/actuator/metrics']) {
      expect((await shop.get(path)).headers.get('content-type')).toStartWith('application/json');
    }
  });
});
