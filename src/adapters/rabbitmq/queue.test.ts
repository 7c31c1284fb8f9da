import { queueContract } from '../../../tests/conformance/queue.contract.ts';
import { onDistributedBackends, ownRabbit } from '../../../tests/support/backends.ts';
import { openForeignClient } from '../../../tests/support/foreign-client.ts';
import { startGateway } from '../../../tests/support/gateway.ts';
import { NO_LOG } from '../../lib/log.ts';
import { openRabbitQueue } from './queue.ts';

onDistributedBackends(contract);

function contract(): void {
  queueContract('the RabbitMQ queue', async () => {
    const { url, namespace, close } = await ownRabbit();
    let gateway = await startGateway(url);
    const open = () => openRabbitQueue({ url: gateway.url, namespace, closeTimeoutMs: 100, log: NO_LOG });
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
        await (await openForeignClient(url, namespace)).dropQueues();
        await close();
      },
    };
  });
}
