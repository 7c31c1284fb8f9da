import { expect, test } from 'bun:test';
import { Gauge, Registry } from 'prom-client';
import { showMetric } from './metrics.ts';

test('a metric that has nothing to say yet, as the lag of a loop that has not turned, is told without a number', async () => {
  const registry = new Registry();
  const lag = new Gauge({ name: 'lag', help: 'How late.', labelNames: ['loop'], registers: [registry] });
  lag.set({ loop: 'turned' }, 3);
  lag.set({ loop: 'new' }, Number.NaN);
  expect(await showMetric(registry, 'lag', [])).toMatchObject({
    measurements: [{ statistic: 'VALUE', value: 3 }],
  });
  expect(await showMetric(registry, 'lag', [['loop', 'new']])).toMatchObject({ measurements: [] });
});
