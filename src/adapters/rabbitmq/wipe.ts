import type { ChannelModel } from 'amqplib';
import { AppError } from '../../domain/errors.ts';
import { connectOnce, explain, readTarget } from './connect.ts';
import { createTopology } from './topology.ts';

/** A namespace's data at a broker, to be deleted. */
export interface BrokerWipe {
  /** Messages in existing queues. */
  contents(): Promise<{ readonly what: string; readonly count: number }[]>;
  /** Throws AppError `unusable_store` while a queue has a consumer. */
  requireUnused(): Promise<void>;
  /** Deletes the namespace's queues; missing ones are no failure. */
  wipe(): Promise<void>;
  close(): Promise<void>;
}

export async function openBrokerWipe(url: string, namespace: string): Promise<BrokerWipe> {
  const target = readTarget(url);
  const topology = createTopology(namespace);
  const connection = await connectOnce(target, `${namespace} reset`);
  // Pending calls report a broken connection; without a listener it would end the process.
  connection.on('error', () => {});
  const { queues } = topology;

  async function look(): Promise<{ queue: string; messages: number; consumers: number }[]> {
    const found = [];
    for (const queue of queues) {
      const state = await stateOf(connection, queue);
      if (state) found.push({ queue, messages: state.messageCount, consumers: state.consumerCount });
    }
    return found;
  }

  return {
    async contents() {
      const found = await look();
      const messages = found.reduce((sum, { messages }) => sum + messages, 0);
      return found.length === 0
        ? []
        : [
            { what: 'queues', count: found.length },
            { what: 'messages in them', count: messages },
          ];
    },
    async requireUnused() {
      const used = (await look()).find(({ consumers }) => consumers > 0);
      if (!used) return;
      throw new AppError(
        'unusable_store',
        `A PulseCart process consumes from the queue ${used.queue} of ${target.shown}. Stop all servers and workers first.`,
      );
    },
    async wipe() {
      try {
        const channel = await connection.createChannel();
        channel.on('error', () => {});
        for (const queue of queues) await channel.deleteQueue(queue);
        await channel.close();
      } catch (error) {
        throw explain(error, target);
      }
    },
    close: () => connection.close(),
  };
}

/** A broker closes the channel on which a client checks a missing queue: each check has its own channel. */
async function stateOf(connection: ChannelModel, queue: string) {
  const channel = await connection.createChannel();
  channel.on('error', () => {});
  try {
    const state = await channel.checkQueue(queue);
    await channel.close();
    return state;
  } catch (error) {
    if ((error as { code?: number }).code === 404) return null;
    throw error;
  }
}
