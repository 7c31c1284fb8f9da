import { expect, test } from 'bun:test';
import { Gauge, Registry } from 'prom-client';
import { createActuatorRoutes } from './actuator-routes.ts';
import type { Service } from './service.ts';

test('a metric that has nothing to say yet, as the lag of a loop that has not turned, is told without a number', async () => {
  const registry = new Registry();
  const lag = new Gauge({ name: 'lag', help: 'How late.', labelNames: ['loop'], registers: [registry] });
  lag.set({ loop: 'turned' }, 3);
  lag.set({ loop: 'new' }, Number.NaN);
  const routes = createActuatorRoutes({ metrics: { registry } } as unknown as Service);
  const request = Object.assign(new Request('http://shop/actuator/metrics/lag'), { params: { name: 'lag' } });
  const answer = await (await routes['/actuator/metrics/:name'].GET(request)).json();
  expect(answer).toMatchObject({ measurements: [{ statistic: 'VALUE', value: 3 }] });
});
