import { QUEUE_NAMES } from '../../src/ports/queue.ts';
import { distributedBackends } from '../support/backends.ts';
import { openDistributedShop } from '../support/distributed-shop.ts';
import { openForeignClient } from '../support/foreign-client.ts';
import { sql } from '../support/postgres-ledger.ts';
import { eventually } from '../support/shop.ts';
import { describeRubbishContract, type RubbishShop } from './rubbish.contract.ts';

/** As text of three bytes for each, or in base64, it would be more than the broker's 16 MiB. */
const HUGE_BYTES = 13_000_000;

if (!distributedBackends)
  console.log('PULSECART_TEST_ENGINES=embedded: no rubbish in the queues of the distributed backends');
else describeRubbishContract(openRubbishShop, HUGE_BYTES);

async function openRubbishShop(): Promise<RubbishShop> {
  const shop = await openDistributedShop({ env: { PULSECART_WORKER: 'off', PULSECART_PAYMENTS: 'off' } });
  const other = await openForeignClient(shop.env.RABBITMQ_URL!, shop.env.PULSECART_NAMESPACE!);

  /** How many messages a worker has taken of the queues and not acknowledged. */
  async function taken(): Promise<number> {
    const waiting = await Promise.all(QUEUE_NAMES.map(other.count));
    return -waiting.reduce((sum, count) => sum + count, 0);
  }

  return {
    shop,
    async secret() {
      const text = "SELECT value FROM secrets WHERE name = 'purchase_ids'";
      return (await sql<{ value: Buffer }>(shop.databaseUrl, text))[0]!.value;
    },
    async work(messages, afterCrash) {
      await Promise.all(shop.workers.map((worker) => worker.stop()));
      for (const { queue, content } of messages) await other.publish(queue, content);
      if (afterCrash) {
        await using _held = await shop.holdWrites();
        const worker = await shop.addWorker();
        await eventually(async () => (await taken()) === 0);
        await worker.kill();
      }
      await shop.addWorker();
    },
    logs: shop.logs,
    [Symbol.asyncDispose]: () => shop[Symbol.asyncDispose](),
  };
}
