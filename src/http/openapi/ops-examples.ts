/** Answers of a real server to operators. A test holds them against their schemas. */

const CAUSE = 'CHECK constraint failed: quantity >= <n>';
const PURCHASE_ID = '01a2040e-e5b5-70cc-a15c-23e21a9336a6';

export const DEAD_LETTERS_REQUEST = {
  queue: 'purchases',
  cause: CAUSE,
  reason: 'the release of 14:20 decides them',
};

export const DEAD_LETTERS_DONE = { queue: 'purchases', letters: 1, items: 1, truncated: false };

export const DEAD_LETTER_GROUPS = {
  groups: [
    {
      queue: 'purchases',
      cause: CAUSE,
      letters: 1,
      items: 1,
      oldestAt: '2026-11-22T16:20:31.004Z',
      newestAt: '2026-11-22T16:20:31.004Z',
      itemIds: [PURCHASE_ID],
    },
  ],
  truncated: false,
};

export const DEAD_LETTERS = {
  letters: [
    {
      id: '7',
      queue: 'purchases',
      cause: 'CHECK constraint failed: quantity >= 1',
      items: 1,
      deadAt: '2026-11-22T16:20:31.004Z',
      itemIds: [PURCHASE_ID],
    },
  ],
  truncated: false,
};

export const OPERATIONS = {
  operations: [
    {
      id: '01a20411-52b8-7000-8e67-3bc2a8d4a120',
      at: '2026-11-22T16:22:53.752Z',
      actor: 'grace',
      action: 'dead-letters.replay',
      subject: 'queue/purchases',
      reason: 'the release of 14:20 decides them',
      details: { cause: CAUSE, letters: 1, items: 1 },
    },
  ],
  next: null,
};

export const OPS_QUEUES = {
  queues: [
    {
      name: 'purchases',
      unit: 'items',
      ready: 0,
      unacknowledged: 0,
      consumers: 1,
      oldestAgeMs: 0,
      deadLetters: { count: 1, oldestAgeMs: 142_748 },
    },
    {
      name: 'payments',
      unit: 'items',
      ready: 12,
      unacknowledged: 88,
      consumers: 1,
      oldestAgeMs: 41,
      deadLetters: { count: 0, oldestAgeMs: 0 },
    },
  ],
  purchases: { accepted: 1001, decided: 1000, waiting: 1 },
  needAttention: 1,
};
