import type { AsyncCounts } from '../ports/decisions.ts';
import type { QueueStatus } from '../ports/queue.ts';

/** Async purchases in the same shape, whichever backend carries them. */
export function purchasesIn(queues: readonly QueueStatus[], { accepted, decided }: AsyncCounts) {
  const purchases = queues.find(({ name }) => name === 'purchases')!;
  const inQueue = purchases.ready + purchases.unacknowledged + purchases.deadLetters.count;
  // A broker that counts messages says at least how many purchases there are: each carries one or more.
  const waiting = purchases.unit === 'items' ? inQueue : Math.max(inQueue, accepted - decided);
  return { accepted: decided + waiting, decided, waiting };
}
