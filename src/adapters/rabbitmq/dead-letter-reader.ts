import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { AppError } from '../../domain/errors.ts';

/** Messages beyond these are read once these are deleted: some 20 MB, and less than a second. */
export const SCAN_MAX = 10_000;

/** How long to wait for messages that the broker counted but does not deliver. */
const SILENCE_MS = 500;

/** Other readers take milliseconds, or a second or two when an operator replays ten thousand. */
export const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 50;

/** Requeueing takes a moment inside the broker; the next reader should find every message. */
const RETURN_TIMEOUT_MS = 1_000;
const RETURN_LOOK_MS = 2;

export interface ReadOptions {
  readonly queue: string;
  /** Messages at most. */
  readonly limit: number;
  /** How long to wait for another reader to end. */
  readonly patienceMs: number;
}

export interface ReadMessages {
  readonly messages: readonly ConsumeMessage[];
  /** Messages in the queue, those beyond the limit included. */
  readonly messageCount: number;
  /** Deletes the message. */
  acknowledge(message: ConsumeMessage): void;
}

/**
 * Reads the first messages of a dead-letter queue. What `work` acknowledges is deleted, the rest is requeued. AMQP has no
 * browsing: messages are consumed, not acknowledged, and requeued. The broker puts requeued messages before untouched ones
 * (see DELIVERY_LIMIT), but in the order of their return, which changes when only some are consumed. So the caller sorts, and
 * the first ten thousand are always the same ones. Rejects with `unavailable` while another reader has the lock.
 *
 * Meanwhile no other process sees them, so one process at a time reads; the lock is an exclusive queue, which ends with its
 * connection.
 */
export async function readQueue<T>(
  connection: ChannelModel,
  { queue, limit, patienceMs }: ReadOptions,
  work: (read: ReadMessages) => Promise<T>,
): Promise<T> {
  const channel = await lock(connection, `${queue}.lock`, patienceMs);
  let unacked = 0;
  try {
    const { messageCount } = await channel.checkQueue(queue);
    const messages = await take(channel, queue, Math.min(limit, messageCount));
    unacked = messages.length;
    const acknowledge = (message: ConsumeMessage) => {
      channel.ack(message);
      unacked--;
    };
    return await work({ messages, messageCount, acknowledge });
  } finally {
    await giveBack(channel, queue, unacked).catch(() => {});
    await channel.deleteQueue(`${queue}.lock`).catch(() => {});
    await channel.close().catch(() => {});
  }
}

/** A consumer with a prefetch of `wanted` gets exactly those, in one round trip instead of one per message. */
async function take(channel: Channel, queue: string, wanted: number): Promise<ConsumeMessage[]> {
  // No prefetch would be no limit.
  if (wanted === 0) return [];
  const taken: ConsumeMessage[] = [];
  const done = Promise.withResolvers<void>();
  let silence = setTimeout(done.resolve, SILENCE_MS);
  await channel.prefetch(wanted);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message) taken.push(message);
    clearTimeout(silence);
    if (!message || taken.length === wanted) done.resolve();
    else silence = setTimeout(done.resolve, SILENCE_MS);
  });
  await done.promise;
  clearTimeout(silence);
  await channel.cancel(consumerTag);
  return taken;
}

async function giveBack(channel: Channel, queue: string, count: number): Promise<void> {
  if (count === 0) return;
  const { messageCount } = await channel.checkQueue(queue);
  channel.nackAll(true);
  const deadline = performance.now() + RETURN_TIMEOUT_MS;
  while (
    (await channel.checkQueue(queue)).messageCount < messageCount + count &&
    performance.now() < deadline
  )
    await Bun.sleep(RETURN_LOOK_MS);
}

/** A channel on a connection that has the lock. */
async function lock(connection: ChannelModel, name: string, patienceMs: number): Promise<Channel> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    try {
      await channel.assertQueue(name, { exclusive: true, durable: false });
      return channel;
    } catch (error) {
      // 405 RESOURCE_LOCKED: another connection has it. The broker has closed the channel.
      const isLocked = (error as { code?: number }).code === 405;
      if (!isLocked) throw error;
      if (performance.now() > deadline)
        throw new AppError('unavailable', 'Another process is at the dead letters.', { cause: error });
      await Bun.sleep(LOCK_RETRY_MS);
    }
  }
}
