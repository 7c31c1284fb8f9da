import type { ConsumersByQueue } from '../domain/process-stats.ts';

/**
 * Durable work. A queue carries bytes and counts items; only its users interpret them.
 *
 * A message may carry several items (purchases, orders): that makes acceptance fast, and every figure an operator
 * sees counts items. Delivery is at least once: a message is delivered again when its handler failed or its process
 * died, and may be delivered twice when a confirm was lost, so handlers must be idempotent by what the body names.
 */
export interface Queue {
  /**
   * Resolves once every message is durably stored. Rejects with AppError `unavailable` when surely none was, and with
   * `outcome_unknown` when some may have been; publishing the same again is then safe for idempotent handlers.
   */
  publish(
    queue: QueueName,
    messages: readonly Message[],
    options?: { readonly delayMs?: number },
  ): Promise<void>;

  /**
   * Calls `handle` with deliveries until closed, at most `concurrency` calls at once, none with more than `maxItems`
   * items (unless a single message has more), and none with both first and later deliveries, so that a message that
   * always fails does not make new neighbours fail with it. When `handle` resolves the deliveries are acknowledged; when
   * it rejects they are redelivered, marked `redelivered`, after a pause that grows to `RETURN_DELAY_MS_MAX`.
   */
  consume(
    queue: QueueName,
    options: { readonly maxItems: number; readonly concurrency: number },
    handle: (deliveries: Delivery[]) => Promise<void>,
  ): Promise<Consumer>;

  /** Dead-letters a message, with the reason why it could not be handled. Durable when resolved. */
  deadLetter(queue: QueueName, message: Message, cause: string): Promise<void>;

  /** Dead letters, oldest first. */
  deadLetters(queue: QueueName, limit: number): Promise<DeadLetter[]>;

  /** Publishes dead letters again, marked `redelivered`, and deletes them; returns how many of `ids` existed. */
  replay(queue: QueueName, ids: readonly string[]): Promise<number>;

  /** Deletes dead letters; returns how many of `ids` existed. */
  discard(queue: QueueName, ids: readonly string[]): Promise<number>;

  /**
   * Exact counts, the broker's own where there is one. A broker does not tell what is unacknowledged: that is what this process's
   * consumers hold now, and what those of other processes held when these told it (`others`). Calls may share a reading that began
   * before them.
   */
  status(others?: readonly ConsumersByQueue[]): Promise<QueueStatus[]>;

  /** This process's consumers, for the others' `status`; absent where there are no others. */
  consumers?(): ConsumersByQueue;

  /** Resolves when the queue accepts messages; rejects with `unavailable` otherwise. */
  ping(): Promise<void>;

  close(): Promise<void>;
}

/** `purchases` carries accepted async purchases; `payments` carries ids of orders to charge. */
export const QUEUE_NAMES = ['purchases', 'payments'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];

/** Longest pause before a redelivery: long enough not to spin, short enough to heal quickly. */
export const RETURN_DELAY_MS_MAX = 2_000;

export interface Message {
  readonly body: string;
  /** How many items the body carries, at least 1. */
  readonly items: number;
}

export interface Delivery extends Message {
  /** An earlier delivery of this message may have been handled, wholly or in part. */
  readonly redelivered: boolean;
  /** When it was published (ms since the epoch). */
  readonly publishedAt: number;
}

export interface Consumer {
  /** Stops taking messages and resolves when the running calls have ended and were acknowledged. */
  close(): Promise<void>;
}

export interface DeadLetter extends Message {
  readonly id: string;
  readonly cause: string;
  readonly deadAt: number;
}

export interface QueueStatus {
  readonly name: QueueName;
  /** The unit of `ready` and `unacknowledged`. A separate broker knows messages only; dead letters always count items. */
  readonly unit: 'items' | 'messages';
  /** Waiting for a consumer, delayed retries included. */
  readonly ready: number;
  /** Delivered, not yet acknowledged. */
  readonly unacknowledged: number;
  readonly consumers: number;
  /** Those of them that have not told what they hold, so that it is missing here; absent where there are no other processes. */
  readonly silentConsumers?: number;
  /** Age of the oldest message not yet acknowledged; 0 when there is none. */
  readonly oldestAgeMs: number;
  readonly deadLetters: { readonly count: number; readonly oldestAgeMs: number };
}
