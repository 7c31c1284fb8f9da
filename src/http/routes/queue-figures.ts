import Type from 'typebox';
import type { AsyncCounts } from '../../ports/decisions.ts';
import { QUEUE_NAMES, type QueueStatus } from '../../ports/queue.ts';
import { Count } from '../schemas.ts';

export const QueueNameSchema = Type.Enum([...QUEUE_NAMES], {
  description: '`purchases` carries accepted purchases, `payments` orders to charge',
});

/** What waits in one queue. */
export const QUEUE = { ready: Count, unacknowledged: Count, consumers: Count, oldestAgeMs: Count };
export const DeadLetterFigures = Type.Object({ count: Count, oldestAgeMs: Count });
export const PurchaseFigures = Type.Object({ accepted: Count, decided: Count, waiting: Count });

/** Async purchases in the same shape, whichever backend carries them. */
export function purchasesIn(queues: readonly QueueStatus[], { accepted, decided }: AsyncCounts) {
  const purchases = queues.find(({ name }) => name === 'purchases')!;
  const inQueue = purchases.ready + purchases.unacknowledged + purchases.deadLetters.count;
  // A broker that counts messages says at least how many purchases there are: each carries one or more.
  const waiting = purchases.unit === 'items' ? inQueue : Math.max(inQueue, accepted - decided);
  return { accepted: decided + waiting, decided, waiting };
}
