import Type from 'typebox';
import { RATES, TIMES } from '../../domain/process-stats.ts';
import { purchasesIn } from '../../telemetry/backlog.ts';
import { GATE_STATES } from '../../telemetry/live-figures.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json } from '../respond.ts';
import { jsonAnswer, type Route } from '../route.ts';
import { Count, count, list, nullable, shape, Timestamp } from '../schemas.ts';
import type { Service } from '../service.ts';
import { NOT_STORED } from './inputs.ts';
import { DeadLetterFigures, PurchaseFigures, QUEUE, QueueNameSchema } from './queue-figures.ts';

export const Measure = Type.Number({ minimum: 0 });
export const PerSecond = Type.Object(Object.fromEntries(RATES.map((name) => [name, Measure])), {
  description:
    '`reserved` and `refused` count both ways to buy; `accepted` and `confirmed` the async one: taken in, and decided',
});
export const Times = Type.Object(Object.fromEntries(TIMES.map((name) => [name, nullable(Measure)])), {
  description:
    'Milliseconds, as exact as the buckets of the histogram; null where nothing was timed. `acceptP99Ms` is until the 202, ' +
    '`confirmP99Ms` from acceptance to outcome',
});

export const BacklogFigures = Type.Object(
  { purchases: nullable(Count), oldestAgeMs: nullable(Count), paymentsOldestAgeMs: nullable(Count) },
  { description: 'Each is null while it cannot be read' },
);
export const UNITS = {
  productId: Type.Integer(),
  total: Count,
  available: Count,
  reserved: Count,
  sold: Count,
};

const RatesAnswer = shape(
  'Rates',
  'Rates of the total are sums over the instances, times those of the slowest instance.',
  {
    total: Type.Object({
      instances: Count,
      perSecond: PerSecond,
      times: Times,
      recent: Type.Object(
        { perSecond: PerSecond, times: Times },
        { description: 'The same of the last two seconds, for charts' },
      ),
      ageMs: count('Age of the oldest of the figures'),
    }),
    instances: list({
      instance: Type.String({ description: 'Host and process' }),
      ageMs: Count,
      windowMs: count('What the figures are of: the last ten seconds'),
      perSecond: PerSecond,
      times: Times,
      recent: Type.Optional(
        Type.Object(
          { windowMs: Count, perSecond: PerSecond, times: Times, cpuShare: Measure },
          { description: 'The same of the last two seconds. A process of an older version does not tell it' },
        ),
      ),
      eventLoopP99Ms: Measure,
      cpuShare: Type.Number({ minimum: 0, description: 'Of one core' }),
      rssBytes: Count,
      uptimeMs: Count,
    }),
    backlog: BacklogFigures,
    units: nullable(
      list(UNITS),
      'Of the first hundred products; /api/v1/products has all of them. Null while they cannot be read',
    ),
    refundsDue: nullable(Count, 'Captures on their way back to buyers'),
    gate: Type.Enum([...GATE_STATES], {
      description:
        'Of the process that answers. `bypassed`: the gate is in trouble, and purchases go straight to the ledger',
    }),
    backends: Type.Array(
      Type.Object({
        name: Type.String({ description: 'As the health of the service names it' }),
        engine: Type.String(),
        up: nullable(Type.Boolean(), 'Null while it has neither answered nor refused'),
      }),
      { description: 'As the process that answers reaches them' },
    ),
  },
);

const OpsQueuesAnswer = shape('OpsQueues', 'What cannot be read now is null.', {
  queues: nullable(
    list({
      name: QueueNameSchema,
      unit: Type.Enum(['items', 'messages']),
      ...QUEUE,
      deadLetters: DeadLetterFigures,
    }),
  ),
  purchases: nullable(PurchaseFigures),
  refundsDue: nullable(
    Type.Object({ count: Count, oldestAt: nullable(Timestamp) }),
    'Money on its way back to buyers',
  ),
  needAttention: nullable(Count, 'Purchases that wait for an operator'),
});

/** What happens now and what waits. Each figure fails alone: it matters most while a backend is away. */
export function createFigureRoutes(service: Service): Route[] {
  const { liveFigures } = service;
  const { reading } = operatorRoutes('operations', 'explained', service);

  async function queues(): Promise<Response> {
    const [figures, counts, due] = await Promise.all([
      liveFigures.queues(),
      liveFigures.asyncCounts(),
      liveFigures.refundsDue(),
    ]);
    const refundsDue = due && {
      count: due.count,
      oldestAt: due.oldestAt === null ? null : isoTime(due.oldestAt),
    };
    const purchases = figures && counts && purchasesIn(figures, counts);
    const shown = figures?.map(({ silentConsumers: _, ...figures }) => figures) ?? null;
    const needAttention = figures?.find(({ name }) => name === 'purchases')?.deadLetters.count ?? null;
    return json({ queues: shown, purchases, refundsDue, needAttention }, 200, NOT_STORED);
  }

  async function live(): Promise<Response> {
    const [figures, refundsDue, backends] = await Promise.all([
      liveFigures.now(),
      liveFigures.refundsDue(),
      liveFigures.backends(),
    ]);
    const state = { refundsDue: refundsDue?.count ?? null, gate: liveFigures.gate(), backends };
    return json({ ...figures, ...state }, 200, NOT_STORED);
  }

  return [
    reading('GET /api/v1/ops/queues', {
      id: 'opsQueues',
      summary: 'Get queue backlogs',
      description: 'What waits, and for whom.',
      answers: { 200: jsonAnswer('The figures', OpsQueuesAnswer, { now: OPS_QUEUES }) },
      handle: queues,
    }),
    reading('GET /api/v1/ops/rates', {
      id: 'rates',
      summary: 'Get live rates',
      description:
        'What happens now, by instance and in total: rates and times of the last ten seconds, and of the last two. Every process ' +
        'tells its own once a second; one that is silent for ten seconds ' +
        'is left out, and `ageMs` says how old each is.',
      answers: { 200: jsonAnswer('The figures', RatesAnswer, { now: RATES_EXAMPLE }) },
      handle: live,
    }),
  ];
}

const OPS_QUEUES = {
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

export const PER_SECOND = {
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

export const TIMES_EXAMPLE = { syncP50Ms: 3.41, syncP99Ms: 14.2, acceptP99Ms: 9.3, confirmP99Ms: 188.4 };

const RATES_EXAMPLE = {
  total: {
    instances: 1,
    perSecond: PER_SECOND,
    times: TIMES_EXAMPLE,
    recent: { perSecond: PER_SECOND, times: TIMES_EXAMPLE },
    ageMs: 412,
  },
  instances: [
    {
      instance: 'shop-1:2214',
      windowMs: 10003,
      perSecond: PER_SECOND,
      times: TIMES_EXAMPLE,
      eventLoopP99Ms: 6.1,
      cpuShare: 0.82,
      rssBytes: 187_420_672,
      uptimeMs: 3_612_004,
      ageMs: 412,
    },
  ],
  backlog: { purchases: 1029, oldestAgeMs: 201, paymentsOldestAgeMs: 1204 },
  units: [{ productId: 1, total: 1000, available: 0, reserved: 2, sold: 998 }],
  refundsDue: 0,
  gate: 'in use',
  backends: [
    { name: 'db', engine: 'PostgreSQL', up: true },
    { name: 'rabbit', engine: 'RabbitMQ', up: true },
    { name: 'redis', engine: 'Redis', up: true },
  ],
};
