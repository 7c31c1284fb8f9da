import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { OPERATION_ACTIONS } from '../../domain/operation.ts';
import { RATES, TIMES } from '../../domain/process-stats.ts';
import { QUEUE_NAMES } from '../../ports/queue.ts';
import { Reason } from './operators.ts';

/** The shapes of what operators see and do. */

const Timestamp = Type.String({ format: 'date-time' });
const Count = Type.Integer({ minimum: 0 });
const OrNull = <T extends Type.TSchema>(schema: T, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
const NullableText = Type.Union([Type.String(), Type.Null()]);

export const QueueNameSchema = Type.Enum([...QUEUE_NAMES], {
  description: '`purchases` carries accepted purchases, `payments` orders to charge',
});

/** Letters named one by one in one call; a group is named by its cause. */
const LETTER_IDS_MAX = 200;

export const CauseSchema = Type.String({
  minLength: 1,
  maxLength: 1_000,
  description: "A group's cause, or the cause of one of its letters",
});

export const DeadLettersBody = Type.Object(
  {
    queue: QueueNameSchema,
    cause: Type.Optional(CauseSchema),
    ids: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 200 }), {
        minItems: 1,
        maxItems: LETTER_IDS_MAX,
        description: 'Ids of letters',
      }),
    ),
    reason: Reason,
  },
  {
    $id: 'DeadLettersRequest',
    additionalProperties: false,
    description: 'Either `cause` or `ids` says which letters of the queue are meant.',
  },
);
export const checkDeadLettersBody = Compile(DeadLettersBody);

export const DeadLetterGroupsAnswer = Type.Object(
  {
    groups: Type.Array(
      Type.Object({
        queue: QueueNameSchema,
        cause: Type.String({ description: 'What the causes of its letters have in common' }),
        letters: Count,
        items: Type.Integer({ minimum: 0, description: 'Purchases or orders in the letters' }),
        oldestAt: Timestamp,
        newestAt: Timestamp,
        itemIds: Type.Array(Type.String(), { description: 'The first few purchases or orders' }),
      }),
    ),
    truncated: Type.Boolean({ description: 'There are more letters or groups than were looked at' }),
  },
  { $id: 'DeadLetterGroups' },
);

export const DeadLettersAnswer = Type.Object(
  {
    letters: Type.Array(
      Type.Object({
        id: Type.String(),
        queue: QueueNameSchema,
        cause: Type.String(),
        items: Count,
        deadAt: Timestamp,
        itemIds: Type.Array(Type.String(), { description: 'Purchases or orders in it' }),
      }),
    ),
    truncated: Type.Boolean(),
  },
  { $id: 'DeadLetters', description: 'Oldest first. Customers are not shown.' },
);

export const DeadLettersDone = Type.Object(
  {
    queue: QueueNameSchema,
    letters: Type.Integer({ minimum: 0, description: 'Letters that were still there, and no longer are' }),
    items: Type.Integer({ minimum: 0, description: 'Purchases or orders in the letters chosen' }),
    truncated: Type.Boolean({ description: 'There may be more of them: ask again' }),
  },
  { $id: 'DeadLettersDone' },
);

export const OperationsAnswer = Type.Object(
  {
    operations: Type.Array(
      Type.Object({
        id: Type.String({ format: 'uuid' }),
        at: Timestamp,
        actor: Type.String({ description: 'Who acted, as they said; `system`: the service by itself' }),
        action: Type.Enum([...OPERATION_ACTIONS]),
        subject: Type.String(),
        reason: NullableText,
        details: Type.Object({}, { additionalProperties: true }),
      }),
    ),
    next: Type.Union([Type.String({ format: 'uuid' }), Type.Null()], {
      description: 'The `before` of the next page; null on the last one',
    }),
  },
  { $id: 'Operations', description: 'Newest first' },
);

export const AuditBody = Type.Object(
  { reason: Reason },
  { $id: 'AuditRequest', additionalProperties: false },
);
export const checkAuditBody = Compile(AuditBody);

export const AuditAnswer = Type.Object(
  {
    pass: Type.Boolean({ description: 'Every verdict did' }),
    verdicts: Type.Array(Type.Object({ name: Type.String(), pass: Type.Boolean(), detail: Type.String() })),
    tookMs: Count,
  },
  { $id: 'Audit' },
);

const Measure = Type.Number({ minimum: 0 });
const PerSecond = Type.Object(Object.fromEntries(RATES.map((name) => [name, Measure])), {
  description:
    '`reserved` and `refused` count both ways to buy; `accepted` and `confirmed` the async one: taken in, and decided',
});
const Times = Type.Object(
  Object.fromEntries(TIMES.map((name) => [name, Type.Union([Measure, Type.Null()])])),
  {
    description:
      'Milliseconds, as exact as the buckets of the histogram; null where nothing was timed. `acceptP99Ms` is until the 202, ' +
      '`confirmP99Ms` from acceptance to outcome',
  },
);

export const RatesAnswer = Type.Object(
  {
    total: Type.Object({
      instances: Count,
      perSecond: PerSecond,
      times: Times,
      ageMs: Type.Integer({ minimum: 0, description: 'Age of the oldest of the figures' }),
    }),
    instances: Type.Array(
      Type.Object({
        instance: Type.String({ description: 'Host and process' }),
        ageMs: Count,
        windowMs: Type.Integer({ minimum: 0, description: 'What the figures are of: the last ten seconds' }),
        perSecond: PerSecond,
        times: Times,
        eventLoopP99Ms: Measure,
        cpuShare: Type.Number({ minimum: 0, description: 'Of one core' }),
        rssBytes: Count,
        uptimeMs: Count,
      }),
    ),
    backlog: Type.Object(
      { purchases: OrNull(Count), oldestAgeMs: OrNull(Count), paymentsOldestAgeMs: OrNull(Count) },
      { description: 'Each is null while it cannot be read' },
    ),
    units: OrNull(
      Type.Array(
        Type.Object({
          productId: Type.Integer(),
          total: Count,
          available: Count,
          reserved: Count,
          sold: Count,
        }),
      ),
      'Of the first hundred products; /api/v1/products has all of them. Null while they cannot be read',
    ),
  },
  {
    $id: 'Rates',
    description: 'Rates of the total are sums over the instances, times those of the slowest instance.',
  },
);

export const OpsQueuesAnswer = Type.Object(
  {
    queues: OrNull(
      Type.Array(
        Type.Object({
          name: QueueNameSchema,
          unit: Type.Enum(['items', 'messages']),
          ready: Count,
          unacknowledged: Count,
          consumers: Count,
          oldestAgeMs: Count,
          deadLetters: Type.Object({ count: Count, oldestAgeMs: Count }),
        }),
      ),
    ),
    purchases: OrNull(Type.Object({ accepted: Count, decided: Count, waiting: Count })),
    refundsDue: OrNull(
      Type.Object({ count: Count, oldestAt: Type.Union([Timestamp, Type.Null()]) }),
      'Money on its way back to buyers',
    ),
    needAttention: OrNull(Count, 'Purchases that wait for an operator'),
  },
  { $id: 'OpsQueues', description: 'What cannot be read now is null.' },
);
