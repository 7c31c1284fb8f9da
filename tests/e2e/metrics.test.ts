import { expect, test } from 'bun:test';
import { scrape, scrapesDuring } from '../support/scrape.ts';
import { openShop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** Metrics of one process, at a port of their own. */

test('health and metrics are at their own port alone, to the end: a server that drains is not ready there', async () => {
  await using shop = await openShop({ PULSECART_MANAGEMENT_PORT: '0', PULSECART_DRAIN_MS: '1000' });
  const ready = shop.server
    .log()
    .split('\n')
    .find((line) => line.includes('"ready"'))!;
  const { management } = JSON.parse(ready) as { management: string };
  expect((await shop.get('/actuator/health/readiness')).status).toBe(404);
  expect((await shop.buy('sync', { productId: 1, quantity: 1 })).status).toBe(200);
  const sold = { channel: 'sync', outcome: 'reserved' };
  expect((await scrape(management)).value('pulsecart_purchases_total', sold)).toBe(1);
  let exit: unknown;
  const outcomes = await scrapesDuring(management, async () => {
    const stopped = shop.server.stop();
    const readiness = () => fetch(`${management}/actuator/health/readiness`);
    await until(async () => (await readiness()).status === 503);
    expect((await scrape(management)).value('pulsecart_purchases_total', sold)).toBe(1);
    exit = await stopped;
  });
  expect({ exit, messages: shop.server.messages() }).toEqual({ exit: 0, messages: '' });
  expect(new Set(outcomes).difference(new Set([200, 'refused']))).toEqual(new Set());
});

test('an index does not lead to what is elsewhere', async () => {
  await using shop = await openShop({ PULSECART_MANAGEMENT_PORT: '0' });
  const { links } = (await shop.get('/')).json;
  expect(Object.keys(links).toSorted()).toEqual(['docs', 'openapi', 'products']);
  expect((await shop.get('/openapi.json')).text).not.toContain('/actuator/health');
});
