import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Message as AmqpMessage, Options } from 'amqplib';
import type { DeadLetter, Delivery, Message } from '../../ports/queue.ts';

/** Headers of a message. Times are milliseconds; AMQP's own timestamp has seconds. */
interface Headers {
  readonly items?: unknown;
  readonly publishedAt?: unknown;
  /** A replayed dead letter: an earlier delivery may have been handled in part. */
  readonly replayed?: unknown;
  readonly cause?: unknown;
  readonly deadAt?: unknown;
  /** Quorum queues count earlier deliveries here; RabbitMQ 4 has a second, stricter count. */
  readonly 'x-delivery-count'?: unknown;
  readonly 'x-acquired-count'?: unknown;
  /** Moves from queue to queue, the last one first. */
  readonly 'x-death'?: unknown;
}

/** A message to the broker. */
export interface Outbound {
  readonly routingKey: string;
  readonly content: Buffer;
  readonly options: Options.Publish;
}

export function toOutbound(
  routingKey: string,
  { body, items }: Message,
  publishedAt: number,
  more: Pick<Headers, 'replayed' | 'cause' | 'deadAt'> = {},
): Outbound {
  const headers: Headers = { items, publishedAt, ...more };
  return {
    routingKey,
    content: Buffer.from(body),
    options: { headers, persistent: true, mandatory: true },
  };
}

/** A message from the broker. */
export interface Inbound extends Delivery {
  /** How often it was delivered, this time included, as far as the broker tells. */
  readonly deliveries: number;
}

/** Never throws: foreign clients may publish here too, and the handler dead-letters unreadable messages. */
export function readInbound(
  message: AmqpMessage & { fields: { redelivered: boolean } },
  now: number,
): Inbound {
  const headers = headersOf(message);
  const counted = Math.max(
    count(headers['x-delivery-count'], 0),
    count(headers['x-acquired-count'], 0),
    message.fields.redelivered ? 1 : 0,
  );
  return {
    body: textOf(message.content),
    items: count(headers.items, 1),
    publishedAt: count(headers.publishedAt, now),
    redelivered: counted > 0 || headers.replayed === true,
    deliveries: counted + 1,
  };
}

/** Reads a message in a dead-letter queue: ours, or the broker's when the deliveries reached the limit. */
export function readDeadLetter(message: AmqpMessage, now: number): DeadLetter {
  const headers = headersOf(message);
  const death = lastDeath(headers);
  return {
    id: idOf(message),
    body: textOf(message.content),
    items: count(headers.items, 1),
    cause: typeof headers.cause === 'string' ? headers.cause : `dead-lettered by RabbitMQ (${death.reason})`,
    deadAt: count(headers.deadAt, death.at ?? now),
  };
}

/**
 * Bytes that are not UTF-8 are no message of ours, and must not be parsed leniently. A dead letter keeps them in a form that
 * no parser reads as JSON; of many only the first, because the broker would refuse a message that has grown.
 */
function textOf(content: Buffer): string {
  if (isUtf8(content)) return content.toString();
  return `${content.length} bytes that are not UTF-8: ${content.subarray(0, BYTES_SHOWN_MAX).toString('base64')}`;
}

const BYTES_SHOWN_MAX = 65_536;

/** Ours is unique; a foreign message's is made from its body, so that it is the same at each reading. */
function idOf({ properties, content }: AmqpMessage): string {
  const { messageId } = properties;
  if (typeof messageId === 'string' && messageId !== '') return messageId;
  return `sha256-${createHash('sha256').update(content).digest('hex').slice(0, 24)}`;
}

function lastDeath(headers: Headers): { reason: string; at: number | null } {
  const deaths = headers['x-death'];
  const death = Array.isArray(deaths) ? deaths[0] : undefined;
  const seconds = death?.time?.value;
  return {
    reason: typeof death?.reason === 'string' ? death.reason : 'no reason given',
    at: typeof seconds === 'number' ? seconds * 1_000 : null,
  };
}

function headersOf({ properties }: AmqpMessage): Headers {
  return properties.headers ?? {};
}

function count(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : otherwise;
}
