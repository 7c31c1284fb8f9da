import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { AppError } from '../../domain/errors.ts';
import { within } from '../../lib/within.ts';
import type { Topology } from './topology.ts';

export interface ProbeOptions {
  readonly connection: ChannelModel;
  readonly topology: Topology;
  readonly timeoutMs: number;
  /** A declared queue is missing. */
  readonly onMissing: () => void;
}

const NOTHING = Buffer.alloc(0);
/** For closing a channel that the broker may not know any more. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Resolves when the purchases queue exists and the broker has confirmed a message, on a channel of its own. Without a
 * majority, or with a hanging disk, a broker answers every query and confirms nothing. Rejects with AppError
 * `unavailable`.
 */
export async function askForConfirm(options: ProbeOptions): Promise<void> {
  await within(ask(options), options.timeoutMs).catch((error) => {
    if (error.code === 404) options.onMissing();
    throw new AppError('unavailable', 'RabbitMQ does not confirm.', { cause: error });
  });
}

async function ask({ connection, topology, timeoutMs }: ProbeOptions): Promise<void> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  let isMissing = false;
  channel.on('return', () => {
    isMissing = true;
  });
  try {
    await channel.checkQueue(topology.work('purchases'));
    channel.publish('', topology.probe, NOTHING, { persistent: true, mandatory: true });
    await within(channel.waitForConfirms(), timeoutMs);
    // The broker's own code for a missing queue.
    if (isMissing) throw Object.assign(new Error('the queue of the probe is not there'), { code: 404 });
  } finally {
    await within(close(channel), CLOSE_TIMEOUT_MS).catch(() => {});
  }
}

/** Also rejects when the broker has closed it already. */
async function close(channel: ConfirmChannel): Promise<void> {
  await channel.close();
}
