import type { ChannelModel } from 'amqplib';
import { type Clock, systemClock } from '../../domain/clock.ts';
import { AppError } from '../../domain/errors.ts';
import type { ConsumerStats } from '../../domain/process-stats.ts';
import type { Log } from '../../lib/log.ts';
import { createProbe } from '../../lib/probe.ts';
import { within } from '../../lib/within.ts';
import { QUEUE_NAMES, type Queue, type QueueName } from '../../ports/queue.ts';
import { cut, readTarget } from './connect.ts';
import { createConsumer, type RabbitConsumer } from './consumer.ts';
import { createDeadLetters } from './dead-letters.ts';
import { toOutbound } from './envelope.ts';
import { type Link, openLink } from './link.ts';
import { askForConfirm } from './probe.ts';
import { createPublisher } from './publisher.ts';
import { createStatus, sumOf } from './status.ts';
import { createTopology, declareAll } from './topology.ts';

export interface RabbitQueueOptions {
  /** `amqp://user:password@host:port/virtual-host`, or `amqps://`. */
  readonly url: string;
  /** Prefix of the names of all queues of this service. */
  readonly namespace: string;
  /** Messages that the broker delivers to a consumer before the first of them is acknowledged. */
  readonly prefetch?: number;
  readonly confirmTimeoutMs?: number;
  readonly closeTimeoutMs?: number;
  readonly clock?: Clock;
  /** Gets the errors that are retried here and reach no caller: lost connections, and handlers that rejected. */
  readonly log: Log;
}

/**
 * The unacknowledged messages of a dead process are retried one by one, so as few as keep a worker busy. Measured with a
 * handler of 3 ms: 32 give it 5,000 messages/s of one item each (16: 2,500; 64: 9,800), and messages carry up to 256 items
 * under a higher load; then 4 would do.
 */
const PREFETCH = 32;

/** A healthy broker confirms in milliseconds, a busy disk in a second; a caller waits no longer. */
const CONFIRM_TIMEOUT_MS = 5_000;

/** Messages of hanging handlers are left to the broker, which delivers them to another consumer. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * The queue on RabbitMQ. Two connections, because a broker that is short of memory or disk stops reading from publishing
 * connections: acknowledgements on the same one would be stuck behind the messages, and no queue would drain.
 */
export async function openRabbitQueue(options: RabbitQueueOptions): Promise<Queue> {
  const { url, namespace, log, clock = systemClock } = options;
  const { prefetch = PREFETCH, confirmTimeoutMs = CONFIRM_TIMEOUT_MS } = options;
  const target = readTarget(url);
  const topology = createTopology(namespace);
  /** Closed consumers stay: how far they had come is part of the status. */
  const consumers = new Map<RabbitConsumer, QueueName>();
  let closed = false;

  const publisher = createPublisher({
    confirmTimeoutMs,
    connection: () => open(publishing),
    // A cut would not help against an alarm, and a new connection would not know of the alarm.
    onStuck: () => publishing.isBlocked() || publishing.cut('the broker does not confirm'),
    // The other connection declares.
    onUnroutable: () => consuming.cut('a queue is missing'),
  });
  const deadLetters = createDeadLetters({
    connection: () => open(consuming),
    publish: publisher.publish,
    topology,
    clock,
  });
  const status = createStatus({
    topology,
    consumers: statsOf,
    deadLetters: deadLetters.stats,
    clock,
  });

  const consuming: Link = await openLink({
    target,
    connectionName: `${namespace} consuming`,
    async prepare(connection) {
      await declareAll(connection, topology);
      await status.attach(connection);
    },
    onUp(connection) {
      for (const consumer of consumers.keys()) void attach(consumer, connection);
    },
    onDown() {
      status.detach();
      for (const consumer of consumers.keys()) consumer.detach();
    },
    log,
  });
  const publishing: Link = await openPublishing().catch(async (error) => {
    await consuming.close();
    throw error;
  });

  const probe = createProbe(() =>
    askForConfirm({
      connection: open(publishing),
      topology,
      timeoutMs: confirmTimeoutMs,
      onMissing: () => consuming.cut('a queue is missing'),
    }),
  );

  function openPublishing(): Promise<Link> {
    return openLink({
      target,
      connectionName: `${namespace} publishing`,
      prepare: publisher.attach,
      onDown: publisher.detach,
      log,
    });
  }

  function open(link: Link): ChannelModel {
    if (closed) throw new AppError('unavailable', 'The queue is closed.');
    return link.connection();
  }

  async function attach(consumer: RabbitConsumer, connection: ChannelModel): Promise<void> {
    await consumer.attach(connection).catch((error) => cut(connection, String(error)));
  }

  function statsOf(name: QueueName): ConsumerStats {
    return sumOf([...consumers].filter(([, of]) => of === name).map(([consumer]) => consumer.stats()));
  }

  return {
    publish(name, messages, { delayMs = 0 } = {}) {
      const queue = delayMs > 0 ? topology.wait(name, delayMs) : topology.work(name);
      const now = clock();
      return publisher.publish(messages.map((message) => toOutbound(queue, message, now)));
    },

    async consume(name, { maxItems, concurrency }, handle) {
      const consumer = createConsumer({
        queue: topology.work(name),
        prefetch: Math.max(prefetch, concurrency),
        maxItems,
        concurrency,
        clock,
        handle,
        log,
      });
      if (closed) throw new AppError('unavailable', 'The queue is closed.');
      consumers.set(consumer, name);
      const connection = consuming.current();
      // Without a connection the consumer begins with the next one.
      if (connection) await attach(consumer, connection);
      return consumer;
    },

    deadLetter: deadLetters.add,
    deadLetters: deadLetters.oldest,
    replay: deadLetters.replay,
    discard: deadLetters.discard,
    status: status.read,
    consumers: () => Object.fromEntries(QUEUE_NAMES.map((name) => [name, statsOf(name)])),
    async ping() {
      // A lost connection or an alarm is known without a probe, and its end takes effect at once.
      open(publishing);
      await probe();
    },

    async close() {
      const { closeTimeoutMs = CLOSE_TIMEOUT_MS } = options;
      const consumersClosed = Promise.all([...consumers.keys()].map((consumer) => consumer.close()));
      // The last messages that handlers publish are part of the work.
      await within(consumersClosed, closeTimeoutMs).catch(() => {});
      await within(publisher.idle(), closeTimeoutMs).catch(() => {});
      closed = true;
      await Promise.all([consuming.close(), publishing.close()]);
    },
  };
}
