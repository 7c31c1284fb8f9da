import { describe, expect, test } from 'bun:test';
import type { PrivateBackends } from '../../bench/services/private-backend.ts';
import { startPrivateBackends } from '../../bench/services/private-backends.ts';
import {
  askAsBuyer,
  expectNoPlaces,
  expectRates,
  expectScrape,
  untilFiguresAreTold,
} from '../support/backend-away.ts';
import { distributedBackends } from '../support/backends.ts';
import { type DistributedShop, openDistributedShop } from '../support/distributed-shop.ts';
import { eventually } from '../support/shop.ts';

describe.skipIf(!distributedBackends)('while a backend is away', () => {
  test('B6 B7 no answer to a buyer says where a backend is, and each figure fails alone, within a second', async () => {
    const backends = await startPrivateBackends();
    try {
      await using shop = await openDistributedShop({ backends: backends.env });
      await eventually(async () => (await shop.get('/actuator/health')).status === 200);
      await untilFiguresAreTold(shop);
      await expectScrape(shop, []);
      await expectRates(shop, { queue: true, ledger: true });
      await without(shop, backends, 'redis', [], { queue: true, ledger: true });
      await without(shop, backends, 'rabbitmq', ['queues'], { queue: false, ledger: true });
      await without(shop, backends, 'postgres', ['products', 'refunds_due', 'webhooks'], {
        queue: true,
        ledger: false,
      });
    } finally {
      await backends.close();
    }
  }, 240_000);
});

/** Those that a scrape tells of. */
async function backendsDown(shop: DistributedShop): Promise<string[]> {
  const { text } = await shop.get('/actuator/prometheus');
  const told = [...text.matchAll(/^pulsecart_backend_up\{backend="(\w+)"\} ([01])$/gm)];
  expect(told.map(([, backend]) => backend)).toEqual(['db', 'rabbit', 'redis']);
  return told.filter(([, , isUp]) => isUp === '0').map(([, backend]) => backend!);
}

/** A busy machine may keep another one from answering in time, for a moment. */
function untilDownAlone(shop: DistributedShop, backend: string): Promise<void> {
  return eventually(async () => (await backendsDown(shop)).join() === backend);
}

/** Frozen, so that questions hang, and then killed, so that they fail. */
async function without(
  shop: DistributedShop,
  backends: PrivateBackends,
  name: 'postgres' | 'redis' | 'rabbitmq',
  unreadable: readonly string[],
  readable: { queue: boolean; ledger: boolean },
): Promise<void> {
  const backend = backends[name];
  const isDown = async () =>
    (await shop.get('/actuator/health')).json.components[COMPONENTS[name]].status === 'DOWN';
  backend.pause();
  await eventually(isDown);
  await expectScrape(shop, unreadable);
  await expectRates(shop, readable);
  await untilDownAlone(shop, COMPONENTS[name]);
  backend.resume();
  await backend.kill();
  await eventually(isDown);
  await expectScrape(shop, unreadable);
  await untilDownAlone(shop, COMPONENTS[name]);
  await expectRates(shop, readable);
  const answers = await askAsBuyer(shop);
  if (name !== 'redis') expectNoPlaces(answers);
  else expect(answers.get('/actuator/health')!.text).not.toContain('127.0.0.1');
  // An operator hears more of it.
  const operator = { Authorization: `Bearer ${shop.server.operatorToken}` };
  const { json } = await shop.get(`/actuator/health/${COMPONENTS[name]}`, operator);
  expect(json).toEqual({ status: 'DOWN', details: { error: expect.any(String) } });
  await backend.restart();
  await eventually(async () => (await shop.get('/actuator/health')).status === 200);
  await eventually(
    async () => !(await shop.get('/actuator/prometheus')).text.includes('unreadable{source="queues"} 1'),
  );
}

const COMPONENTS = { postgres: 'db', redis: 'redis', rabbitmq: 'rabbit' } as const;
