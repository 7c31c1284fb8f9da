import { connect } from 'amqplib';
import type { Env } from '../../bench/server-process.ts';
import { createTopology } from '../../src/adapters/rabbitmq/topology.ts';
import { inSchema } from '../../src/lib/database-url.ts';
import { ownDatabase, ownRabbit, ownRedis } from './backends.ts';

/** A database and names of one's own on the backends that all tests share, as settings. `await using` gives them back. */
export interface OwnBackends extends AsyncDisposable {
  readonly env: Env;
  /** Where our tables are in that database. */
  readonly databaseUrl: string;
}

export async function ownBackends(): Promise<OwnBackends> {
  const [database, redis, rabbit] = await Promise.all([ownDatabase(), ownRedis(), ownRabbit()]);
  const { namespace } = rabbit;
  return {
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      RABBITMQ_URL: rabbit.url,
      PULSECART_NAMESPACE: namespace,
    },
    databaseUrl: inSchema(database.url, namespace),
    async [Symbol.asyncDispose]() {
      await removeQueues(rabbit.url, namespace);
      await Promise.all([database.close(), redis.close(), rabbit.close()]);
    },
  };
}

/** Each of them costs the broker some processes for as long as it is there. */
async function removeQueues(url: string, namespace: string): Promise<void> {
  const topology = createTopology(namespace);
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const queue of topology.queues) await channel.deleteQueue(queue);
  await connection.close();
}
