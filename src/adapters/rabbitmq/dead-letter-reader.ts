import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { AppError } from '../../domain/errors.ts';

/**
 * Reads a dead-letter queue. AMQP cannot look without taking: messages are taken, not acknowledged, and given back.
 * The broker keeps what was given back before what was never taken (see DELIVERY_LIMIT), but in the order in which it came
 * back: taking only some of them turns the order. So the caller sorts, and the first ten thousand are always the same ones.
 *
 * Meanwhile no other process sees them, so one process at a time reads; the lock is a queue that only one connection can have,
 * and that ends with it.
 */
export interface DeadLetterReader {
  readonly channel: Channel;
  /** The first `limit` messages, or fewer as soon as `isEnough` says so. */
  take(limit: number, isEnough?: (taken: readonly ConsumeMessage[]) => boolean): Promise<ConsumeMessage[]>;
  /** Gone for good; everything else that was taken goes back at the end. */
  acknowledge(message: ConsumeMessage): void;
}

/** Messages behind these are not read before these are gone: some 20 MB, and less than a second. */
export const SCAN_MAX = 10_000;

/** Taken at once: some 150 KB of single purchases. */
const CHUNK = 1_000;

/** The broker said that there is more, but nothing comes any more. */
const SILENCE_MS = 500;

/** Others look for milliseconds, or for a second or two when an operator replays ten thousand. */
export const LOCK_PATIENCE_MS = 5_000;
const LOCK_RETRY_MS = 50;

/** Giving back takes a moment inside the broker; who looks next should find everything. */
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

/** A consumer that may hold `wanted` messages gets exactly those, and costs one round trip instead of one per message. */
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
