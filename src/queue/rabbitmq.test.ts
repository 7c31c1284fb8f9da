import { test } from 'bun:test';
import { connect } from 'amqplib';
import { ownRabbit, productionEngines } from '../../test/support/engines.ts';
import { startGateway } from '../../test/support/gateway.ts';
import { queueContract } from './queue.contract.ts';
import { QUEUE_NAMES } from './queue.ts';
import { createTopology } from './rabbitmq/topology.ts';
import { openRabbitQueue } from './rabbitmq.ts';

if (!productionEngines) {
  test.skip('the RabbitMQ queue: PULSECART_TEST_ENGINES=embedded runs no broker', () => {});
} else {
  contract();
}

function contract(): void {
  queueContract('the RabbitMQ queue', async () => {
    const { url, namespace, close } = await ownRabbit();
    let gateway = await startGateway(url);
    const open = () =>
      openRabbitQueue({ url: gateway.url, namespace, closeTimeoutMs: 100, onTrouble: () => {} });
    let queue = await open();
    return {
      queue,
      readsAhead: true,
      async reopen() {
        const crashed = queue;
        await gateway.close();
        void crashed.close();
        gateway = await startGateway(url);
        queue = await open();
        return queue;
      },
      async close() {
        await queue.close();
        await gateway.close();
        await dropQueues(url, namespace);
        await close();
      },
    };
  });
}

/** A broker runs out of file handles some hundred quorum queues later. */
async function dropQueues(url: string, namespace: string): Promise<void> {
  const topology = createTopology(namespace);
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const name of QUEUE_NAMES)
    for (const queue of [topology.work(name), topology.dead(name), ...topology.waits(name)])
      await channel.deleteQueue(queue);
  await channel.deleteExchange(topology.figuresExchange);
  await connection.close();
}
