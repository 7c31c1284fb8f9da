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
  refundsDue: { count: 0, oldestAt: null },
  needAttention: 1,
};

export const AUDIT_REQUEST = { reason: 'after the sale' };

export const AUDIT = {
  pass: true,
  verdicts: [
    { name: 'no oversell of product 1', pass: true, detail: '1000 = 998 sold + 2 reserved + 0 available' },
    { name: 'counters equal the orders behind them', pass: true, detail: '5 products' },
  ],
  tookMs: 214,
};

const PER_SECOND = {
  syncAttempts: 5214.3,
  asyncAttempts: 5190.1,
  reserved: 99.8,
  refused: 10201.4,
  accepted: 5190.1,
  confirmed: 5087.2,
  paid: 92.4,
  declined: 1.1,
  expired: 0,
  paymentFailures: 0.3,
};

const TIMES = { syncP50Ms: 3.41, syncP99Ms: 14.2, acceptP99Ms: 9.3, confirmP99Ms: 188.4 };

export const RATES = {
  total: { instances: 1, perSecond: PER_SECOND, times: TIMES, ageMs: 412 },
  instances: [
    {
      instance: 'shop-1:2214',
      windowMs: 10003,
      perSecond: PER_SECOND,
      times: TIMES,
      eventLoopP99Ms: 6.1,
      cpuShare: 0.82,
      rssBytes: 187_420_672,
      uptimeMs: 3_612_004,
      ageMs: 412,
    },
  ],
  backlog: { purchases: 1029, oldestAgeMs: 201, paymentsOldestAgeMs: 1204 },
  units: [{ productId: 1, total: 1000, available: 0, reserved: 2, sold: 998 }],
};
