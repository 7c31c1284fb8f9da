import type { Channel, ChannelModel } from 'amqplib';
import { QUEUE_NAMES, type QueueName } from '../../ports/queue.ts';

/**
 * The queues of this service, all durable, named `<namespace>.…` and declared by every process that connects, so that a
 * broker which lost them has them again:
 *
 *     purchases ──delivery limit──▶ purchases.dead
 *         ▲
 *         └──time is over── purchases.wait-200ms … purchases.wait-30000ms
 *
 * and the same for `payments`; and `probe`, which confirms messages and keeps none. Every queue is a quorum queue. The
 * broker moves messages between them at least once: it keeps a message until the other queue has confirmed it.
 */
export interface Topology {
  work(name: QueueName): string;
  dead(name: QueueName): string;
  /** The queue in which a message waits at least `delayMs`, `DELAY_MS_MAX` at most. */
  wait(name: QueueName, delayMs: number): string;
  waits(name: QueueName): readonly string[];
  /** For messages that only test whether the broker confirms. */
  readonly probe: string;
  /** Every queue's name. */
  readonly queues: readonly string[];
  declare(channel: Channel): Promise<void>;
}

/**
 * The steps to which delays are rounded up. A queue has one time to live for all its messages, because only the head of a
 * queue expires: with a time per message a long wait would hold up the short ones behind it.
 */
const WAIT_STEPS_MS = [200, 1_000, 5_000, 30_000];
export const DELAY_MS_MAX = WAIT_STEPS_MS.at(-1)!;

/**
 * Deliveries after which the broker dead-letters a message. Attempts are counted in the ledger; here nothing may end early,
 * because during an outage every message is redelivered every two seconds. So: 60 years of that. Not left out, for two
 * reasons: RabbitMQ 4 would default to 20 (and only 4 has a value for "no limit"), and a quorum queue without a limit
 * puts requeued messages at its end instead of its head.
 */
const DELIVERY_LIMIT = 1_000_000_000;

const QUORUM = { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT };

export function createTopology(namespace: string): Topology {
  const work = (name: QueueName) => `${namespace}.${name}`;
  const dead = (name: QueueName) => `${work(name)}.dead`;
  const waitFor = (name: QueueName, stepMs: number) => `${work(name)}.wait-${stepMs}ms`;
  const waits = (name: QueueName) => WAIT_STEPS_MS.map((stepMs) => waitFor(name, stepMs));
  const probe = `${namespace}.probe`;

  return {
    work,
    dead,
    probe,
    queues: [...QUEUE_NAMES.flatMap((name) => [work(name), dead(name), ...waits(name)]), probe],
    waits,

    wait(name, delayMs) {
      const stepMs = WAIT_STEPS_MS.find((step) => step >= delayMs);
      if (!stepMs) throw new Error(`A delay of ${delayMs} ms is longer than ${DELAY_MS_MAX} ms.`);
      return waitFor(name, stepMs);
    },

    async declare(channel) {
      for (const name of QUEUE_NAMES) {
        await channel.assertQueue(dead(name), { arguments: QUORUM });
        await channel.assertQueue(work(name), { arguments: { ...QUORUM, ...movedTo(dead(name)) } });
        for (const stepMs of WAIT_STEPS_MS) {
          const waiting = { ...QUORUM, ...movedTo(work(name)), 'x-message-ttl': stepMs };
          await channel.assertQueue(waitFor(name, stepMs), { arguments: waiting });
        }
      }
      await channel.assertQueue(probe, { arguments: { ...QUORUM, 'x-max-length': 0 } });
    },
  };
}

/** At least once needs `reject-publish`: with the other policy the broker falls back to moving without a confirm. */
function movedTo(queue: string) {
  return {
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': queue,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
}

export async function declareAll(connection: ChannelModel, topology: Topology): Promise<void> {
  const channel = await connection.createChannel();
  // A refusal reaches the caller by the declaration's own answer; without a listener it would also end the process.
  channel.on('error', () => {});
  await topology.declare(channel);
  await channel.close();
}
