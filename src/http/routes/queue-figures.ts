import Type from 'typebox';
import { QUEUE_NAMES } from '../../ports/queue.ts';
import { Count } from '../schemas.ts';

export const QueueNameSchema = Type.Enum([...QUEUE_NAMES], {
  description: '`purchases` carries accepted purchases, `payments` orders to charge',
});

/** What waits in one queue. */
export const QUEUE = { ready: Count, unacknowledged: Count, consumers: Count, oldestAgeMs: Count };
export const DeadLetterFigures = Type.Object({ count: Count, oldestAgeMs: Count });
export const PurchaseFigures = Type.Object({ accepted: Count, decided: Count, waiting: Count });
