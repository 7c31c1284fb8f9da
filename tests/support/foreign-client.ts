import { connect } from 'amqplib';
import { createTopology } from '../../src/adapters/rabbitmq/topology.ts';

export type ForeignClient = Awaited<ReturnType<typeof openForeignClient>>;

/** Somebody else at the same broker: does in tests what an operator, or another program, might do to our queues. */
export async function openForeignClient(url: string, namespace: string) {
  const topology = createTopology(namespace);
  const connection = await connect(url);
  connection.on('error', () => {});

  /** One channel per deed, because a refused one ends its channel. */
  async function on<T>(
    deed: (channel: Awaited<ReturnType<typeof connection.createConfirmChannel>>) => Promise<T>,
  ) {
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => {});
    const done = await deed(channel);
    await channel.close();
    return done;
  }

  return {
    declare: (queue: string, args: object) =>
      on((channel) => channel.assertQueue(`${namespace}.${queue}`, { arguments: args })),

    delete: (queue: string) => on((channel) => channel.deleteQueue(`${namespace}.${queue}`)),

    count: (queue: string) =>
      on(async (channel) => (await channel.checkQueue(`${namespace}.${queue}`)).messageCount),

    publish: (queue: string, content: Buffer, headers: object = {}) =>
      on(async (channel) => {
        channel.publish('', `${namespace}.${queue}`, content, { headers });
        await channel.waitForConfirms();
      }),

    /** A broker runs out of file handles some hundred quorum queues later. */
    async dropQueues(): Promise<void> {
      await on(async (channel) => {
        for (const queue of topology.queues) await channel.deleteQueue(queue);
      });
      await connection.close();
    },
  };
}
