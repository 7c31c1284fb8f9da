import { randomUUID } from 'node:crypto';
import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { AppError } from '../../domain/errors.ts';
import { endWith } from './connect.ts';
import type { Outbound } from './envelope.ts';

/** Publishes with confirms on the connection it is attached to. */
export interface Publisher {
  attach(connection: ChannelModel): Promise<void>;
  detach(): void;
  /**
   * Resolves when the broker has confirmed all messages. Rejects with AppError `unavailable` when surely none was stored
   * (nothing was sent, or all queues were missing), else with `outcome_unknown`: a negative confirm proves no more than a
   * missing one, because the message may have been stored before it.
   */
  publish(messages: readonly Outbound[]): Promise<void>;
  /** Resolves when no confirm is outstanding. */
  idle(): Promise<void>;
}

export interface PublisherOptions {
  readonly confirmTimeoutMs: number;
  /** Throws AppError `unavailable` when nothing can be sent now. */
  readonly connection: () => ChannelModel;
  /** No confirm in time. */
  readonly onStuck: () => void;
  /** A declared queue is missing. */
  readonly onUnroutable: () => void;
}

/**
 * Unconfirmed messages and bytes. Data in the socket's buffers is unconfirmed too, so these bounds also limit those
 * buffers: a thousand times what a fast broker has in flight, and memory that a process can spare.
 */
const UNCONFIRMED_MAX = 20_000;
const UNCONFIRMED_BYTES_MAX = 64 * 1024 * 1024;

/** Digits of a process's counter in base 36, so that its ids also sort as text: two trillion messages. */
const ID_DIGITS = 8;

/** The messages of one call. */
interface Call {
  readonly messages: number;
  left: number;
  returned: number;
  failure: unknown;
  readonly fulfil: (error: AppError | null) => void;
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { confirmTimeoutMs, connection, onStuck, onUnroutable } = options;
  const idPrefix = randomUUID().slice(0, 13);
  let lastId = 0;
  let channel: ConfirmChannel | null = null;
  let unconfirmed = 0;
  let unconfirmedBytes = 0;
  const calls = new Map<string, Call>();
  const waitingForIdle: (() => void)[] = [];

  function send(open: ConfirmChannel, messages: readonly Outbound[], call: Call): void {
    let sent = 0;
    try {
      for (const message of messages) {
        sendOne(open, message, call);
        sent++;
      }
    } catch (error) {
      // The channel has ended. Messages sent before fail as unconfirmed.
      if (sent === 0) call.fulfil(unavailable('The connection to RabbitMQ was lost.', error));
      else for (; sent < messages.length; sent++) confirmed(call, error);
    }
  }

  function sendOne(open: ConfirmChannel, { routingKey, content, options }: Outbound, call: Call): void {
    const messageId = `${idPrefix}-${(++lastId).toString(36).padStart(ID_DIGITS, '0')}`;
    open.publish('', routingKey, content, { ...options, messageId }, (error: unknown) => {
      calls.delete(messageId);
      unconfirmed--;
      unconfirmedBytes -= content.length;
      confirmed(call, error);
      if (unconfirmed === 0) for (const tell of waitingForIdle.splice(0)) tell();
    });
    calls.set(messageId, call);
    unconfirmed++;
    unconfirmedBytes += content.length;
  }

  function confirmed(call: Call, error: unknown): void {
    call.left--;
    call.failure ??= error;
    if (call.left > 0) return;
    if (call.failure) call.fulfil(unknown('RabbitMQ did not confirm.', call.failure));
    else if (call.returned === 0) call.fulfil(null);
    else if (call.returned === call.messages) call.fulfil(unavailable('The queue is not there.'));
    else call.fulfil(unknown('A queue is not there.'));
  }

  return {
    async attach(to) {
      const opened = await to.createConfirmChannel();
      endWith(to, opened);
      // A returned message comes before its confirm.
      opened.on('return', ({ properties }) => {
        const call = calls.get(properties.messageId);
        if (call) call.returned++;
        onUnroutable();
      });
      channel = opened;
    },

    detach() {
      channel = null;
    },

    async publish(messages) {
      connection();
      if (!channel) throw unavailable('There is no connection to RabbitMQ.');
      if (messages.length === 0) return;
      if (unconfirmed > 0 && (unconfirmed >= UNCONFIRMED_MAX || unconfirmedBytes >= UNCONFIRMED_BYTES_MAX))
        throw unavailable('Too many messages wait for their confirm.');
      const open = channel;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(unknown(`No confirm within ${confirmTimeoutMs} ms.`));
          onStuck();
        }, confirmTimeoutMs);
        const call = {
          messages: messages.length,
          left: messages.length,
          returned: 0,
          failure: null,
          fulfil(error: AppError | null) {
            clearTimeout(timer);
            if (error) reject(error);
            else resolve();
          },
        };
        send(open, messages, call);
      });
    },

    async idle() {
      if (unconfirmed > 0) await new Promise<void>((resolve) => waitingForIdle.push(resolve));
    },
  };
}

function unavailable(message: string, cause?: unknown): AppError {
  return new AppError('unavailable', message, { cause });
}

function unknown(message: string, cause?: unknown): AppError {
  return new AppError('outcome_unknown', message, { cause });
}
