import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { AppError } from '../../domain/errors.ts';

/**
 * Reads a dead-letter queue. AMQP has no browsing: messages are consumed, not acknowledged, and requeued. The broker puts
 * requeued messages before untouched ones (see DELIVERY_LIMIT), but in the order of their return, which changes when only
 * some are consumed. So the caller sorts, and the first ten thousand are always the same ones.
 *
 * Meanwhile no other process sees them, so one process at a time reads; the lock is an exclusive queue, which ends with its
 * connection.
 */
export interface DeadLetterReader {
  readonly channel: Channel;
  /** The first `limit` messages, or fewer as soon as `isEnough` says so. */
  take(limit: number, isEnough?: (taken: readonly ConsumeMessage[]) => boolean): Promise<ConsumeMessage[]>;
  /** Deletes these; all other messages are requeued at the end. */
  acknowledge(message: ConsumeMessage): void;
}

/** Messages beyond these are read once these are deleted: some 20 MB, and less than a second. */
export const SCAN_MAX = 10_000;

/** Messages per step: some 150 KB of single purchases. */
const CHUNK = 1_000;

/** How long to wait for messages that the broker counted but does not deliver. */
const SILENCE_MS = 500;

/** Other readers take milliseconds, or a second or two when an operator replays ten thousand. */
export const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 50;

/** Requeueing takes a moment inside the broker; the next reader should find every message. */
const RETURN_TIMEOUT_MS = 1_000;
const RETURN_LOOK_MS = 2;

export async function withDeadLetterReader<T>(
  connection: ChannelModel,
  { queue, patienceMs }: { readonly queue: string; readonly patienceMs: number },
  work: (reader: DeadLetterReader) => Promise<T>,
): Promise<T> {
  const channel = await lock(connection, `${queue}.lock`, patienceMs);
  const unacked = new Set<ConsumeMessage>();
  try {
    return await work({
      channel,
      async take(limit, isEnough = () => false) {
        const taken: ConsumeMessage[] = [];
        while (taken.length < limit && !isEnough(taken)) {
          const { messageCount } = await channel.checkQueue(queue);
          const wanted = Math.min(CHUNK, limit - taken.length, messageCount);
          const chunk = wanted > 0 ? await takeChunk(channel, queue, wanted) : [];
          for (const message of chunk) unacked.add(message);
          taken.push(...chunk);
          if (chunk.length < CHUNK) break;
        }
        return taken;
      },
      acknowledge(message) {
        channel.ack(message);
        unacked.delete(message);
      },
    });
  } finally {
    await giveBack(channel, queue, unacked.size).catch(() => {});
    await channel.deleteQueue(`${queue}.lock`).catch(() => {});
    await channel.close().catch(() => {});
  }
}

/** A consumer with a prefetch of `wanted` gets exactly those, in one round trip instead of one per message. */
async function takeChunk(channel: Channel, queue: string, wanted: number): Promise<ConsumeMessage[]> {
  const chunk: ConsumeMessage[] = [];
  const done = Promise.withResolvers<void>();
  let silence = setTimeout(done.resolve, SILENCE_MS);
  await channel.prefetch(wanted);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message) chunk.push(message);
    clearTimeout(silence);
    if (!message || chunk.length === wanted) done.resolve();
    else silence = setTimeout(done.resolve, SILENCE_MS);
  });
  await done.promise;
  clearTimeout(silence);
  await channel.cancel(consumerTag);
  return chunk;
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
