import { describe, expect, test } from 'bun:test';
import { startPrivateEngines } from '../../bench/services/engines.ts';
import type { PrivateEngines } from '../../bench/services/private-engine.ts';
import {
  askAsBuyer,
  expectNoPlaces,
  expectRates,
  expectScrape,
  untilFiguresAreTold,
} from '../support/engine-away.ts';
import { productionEngines } from '../support/engines.ts';
import { openProductionShop, type ProductionShop } from '../support/production-shop.ts';
import { eventually } from '../support/shop.ts';

describe.skipIf(!productionEngines)('while an engine is away', () => {
  test('B6 B7 no answer to a buyer says where an engine is, and each figure fails alone, within a second', async () => {
    const engines = await startPrivateEngines();
    try {
      await using shop = await openProductionShop({ engines: engines.env });
      await eventually(async () => (await shop.get('/actuator/health')).status === 200);
      await untilFiguresAreTold(shop);
      await expectScrape(shop, []);
      await expectRates(shop, { queue: true, ledger: true });
      await without(shop, engines, 'redis', [], { queue: true, ledger: true });
      await without(shop, engines, 'rabbitmq', ['queues'], { queue: false, ledger: true });
      await without(shop, engines, 'postgres', ['products', 'refunds_due'], { queue: true, ledger: false });
    } finally {
      await engines.close();
    }
  }, 240_000);
});

/** Frozen, so that questions hang, and then killed, so that they fail. */
async function without(
  shop: ProductionShop,
  engines: PrivateEngines,
  name: 'postgres' | 'redis' | 'rabbitmq',
  unreadable: readonly string[],
  readable: { queue: boolean; ledger: boolean },
): Promise<void> {
  const engine = engines[name];
  const isDown = async () =>
    (await shop.get('/actuator/health')).json.components[COMPONENTS[name]].status === 'DOWN';
  engine.pause();
  await eventually(isDown);
  await expectScrape(shop, unreadable);
  await expectRates(shop, readable);
  engine.resume();
  await engine.kill();
  await eventually(isDown);
  await expectScrape(shop, unreadable);
  await expectRates(shop, readable);
  const answers = await askAsBuyer(shop);
  if (name !== 'redis') expectNoPlaces(answers);
  else expect(answers.get('/actuator/health')!.text).not.toContain('127.0.0.1');
  // An operator hears more of it.
  const operator = { Authorization: `Bearer ${shop.server.operatorToken}` };
  const { json } = await shop.get(`/actuator/health/${COMPONENTS[name]}`, operator);
  expect(json).toEqual({ status: 'DOWN', details: { error: expect.any(String) } });
  await engine.restart();
  await eventually(async () => (await shop.get('/actuator/health')).status === 200);
  await eventually(
    async () => !(await shop.get('/actuator/prometheus')).text.includes('unreadable{source="queues"} 1'),
  );
}

const COMPONENTS = { postgres: 'db', redis: 'redis', rabbitmq: 'rabbit' } as const;
