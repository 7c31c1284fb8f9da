import Type from 'typebox';
import { UNITS_MAX } from '../../domain/product.ts';
import { RUSH_MODES, RUSH_STATES, type Rush } from '../../domain/rush.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, type Route } from '../route.ts';
import { Count, closed, list, nullable, ProductId, Reason, shape, Timestamp } from '../schemas.ts';
import type { Service } from '../service.ts';
import { Measure } from './figures.ts';
import { NOT_STORED, unknownProduct, wrong } from './inputs.ts';

const USERS = { minimum: 1, maximum: 100_000, default: 10_000 } as const;
const RATE = { minimum: 1, maximum: 50_000, default: 2_000 } as const;
const ARRIVALS_S_MAX = 600;
const PATH = '/api/v1/ops/rush';

const RushBody = closed(
  'RushRequest',
  `The arrivals may take ${ARRIVALS_S_MAX} seconds: \`users\` / \`rate\` must not be more.`,
  {
    productId: ProductId,
    users: Type.Optional(Type.Integer({ ...USERS, description: 'Buyers, each a different customer' })),
    rate: Type.Optional(
      Type.Integer({
        ...RATE,
        description: 'Buyers arriving per second, whether or not the server keeps up',
      }),
    ),
    mode: Type.Optional(
      Type.Enum([...RUSH_MODES], {
        default: 'both',
        description: '`both`: each buyer by the toss of a coin',
      }),
    ),
    units: Type.Optional(
      nullable(
        Type.Integer({ minimum: 0, maximum: UNITS_MAX }),
        'First a reset to so many free units; without it the stock stays as it is',
      ),
    ),
    reason: Reason,
  },
);

const Ms = nullable(Measure);
const RushAnswer = shape('Rush', 'The last crowd, whichever process sends it', {
  state: Type.Enum([...RUSH_STATES], {
    description:
      '`done`: judged, whatever the verdicts. `failed`: without a result. `stopped`: by an operator, and judged as far as it ' +
      'came, or with its server',
  }),
  startedAt: nullable(Timestamp),
  endedAt: nullable(Timestamp),
  request: nullable(
    Type.Object({
      productId: Type.Integer(),
      users: Count,
      rate: Count,
      mode: Type.Enum([...RUSH_MODES]),
      units: nullable(Count),
    }),
  ),
  progress: nullable(
    Type.Object({
      elapsedMs: Measure,
      offered: Count,
      answered: Count,
      sold: Count,
      refused: Count,
      backlog: Count,
      p99Ms: Ms,
    }),
    '`offered`: buyers who have come; `backlog`: accepted purchases without an outcome yet; `p99Ms`: until the answer, from the ' +
      'moment at which the buyer meant to come',
  ),
  result: nullable(
    Type.Object({
      verdicts: list({
        name: Type.String(),
        pass: nullable(Type.Boolean(), 'Null where it could not be judged'),
        detail: Type.String(),
      }),
      users: Count,
      granted: Count,
      refused: Count,
      errors: Count,
      stock: Type.Object({ before: Count, after: nullable(Count) }, { description: 'Free units' }),
      elapsedMs: Measure,
      arrivals: Type.Object(
        { plannedMs: Measure, tookMs: Measure },
        {
          description: 'From the first buyer to the last one. Where it took longer, the machine is the limit',
        },
      ),
      sync: Type.Object({ p50Ms: Ms, p95Ms: Ms, p99Ms: Ms }),
      async: Type.Object({ acceptP99Ms: Ms, confirmP99Ms: Ms }),
    }),
    'By what its buyers can see; the books are for the audit',
  ),
  message: nullable(Type.String(), 'Why it failed, or was stopped'),
});

/** A crowd for whoever wants to see a sale, on development servers. */
export function createRushRoutes(service: Service): Route[] {
  const { rushRun, ledger, isDevelopment } = service;
  const { reading, acting } = operatorRoutes('operations', 'explained', service);
  const refusal = (req: Request) =>
    isDevelopment
      ? null
      : problem(req, 'development_only', 'A crowd is sent by development servers only: its orders are real');
  const ONLY = '`development_only`';

  return [
    acting(`POST ${PATH}`, {
      role: 'admin',
      id: 'startRush',
      summary: 'Start rush',
      description:
        'The crowd of `pulsecart rush`, in a process of its own; on development servers only. One at a time in the whole service. ' +
        'The answer comes at once, and the rest at `Location`.',
      body: {
        schema: RushBody,
        example: { productId: 1, users: 10_000, rate: 2_000, units: 1_000, reason: 'to see it' },
      },
      answers: {
        202: jsonAnswer('It comes', RushAnswer, { running: RUNNING }, ['Location']),
        403: ONLY,
        404: '`unknown_product`',
        409: '`in_flight`: another one is running',
      },
      async handle({ body, entry }, req, server) {
        const refused = refusal(req);
        if (refused) return refused;
        const { productId, users = USERS.default, rate = RATE.default, mode = 'both', units = null } = body;
        if (users / rate > ARRIVALS_S_MAX) {
          const least = Math.ceil(users / ARRIVALS_S_MAX);
          return wrong(
            req,
            'rate',
            `rate must be at least ${least} for ${users} users to come in ten minutes`,
          );
        }
        if (!(await ledger.product(productId))) return unknownProduct(req, productId, problem);
        const request = { productId, users, rate, mode, units };
        const logged = entry('rush.start', `product/${productId}`, { users, rate, mode, units });
        const rush = await rushRun.start(logged, request, urlOf(server));
        if (!rush) return problem(req, 'in_flight', 'A crowd is under way already');
        return answer(rush, 202, { Location: PATH });
      },
    }),
    reading(`GET ${PATH}`, {
      id: 'rush',
      summary: 'Get rush',
      description:
        'The same from every instance, half a second late where another one sends the crowd; also after a restart.',
      answers: { 200: jsonAnswer('The state', RushAnswer, { running: RUNNING, done: DONE }), 403: ONLY },
      handle: async (req) => refusal(req) ?? answer(await rushRun.state()),
    }),
    acting(`DELETE ${PATH}`, {
      role: 'operator',
      id: 'stopRush',
      summary: 'Stop rush',
      description:
        'Those who have come get their answers and are judged; `state` is `stopped` some seconds later. Nothing happens where none ' +
        'is under way.',
      body: { schema: StopBody, example: { reason: 'seen enough' } },
      answers: {
        200: jsonAnswer('None is under way', RushAnswer),
        202: jsonAnswer('It ends', RushAnswer, { running: RUNNING }, ['Location']),
        403: ONLY,
      },
      async handle({ entry }, req) {
        const refused = refusal(req);
        if (refused) return refused;
        const rush = await rushRun.stop(entry('rush.stop', 'rush'));
        return rush.state === 'running' ? answer(rush, 202, { Location: PATH }) : answer(rush);
      },
    }),
  ];
}

const StopBody = closed('RushStopRequest', '', { reason: Reason });

function answer({ startedAt, endedAt, ...rush }: Rush, status = 200, headers = {}): Response {
  const times = {
    startedAt: startedAt === null ? null : isoTime(startedAt),
    endedAt: endedAt === null ? null : isoTime(endedAt),
  };
  return json({ ...rush, ...times }, status, { ...NOT_STORED, ...headers });
}

/** Where this process reaches itself: an address for all interfaces is none to connect to. */
function urlOf({ url }: Bun.Server<unknown>): string {
  const own = new URL(url);
  if (/^(0\.0\.0\.0|\[::\])$/.test(own.hostname)) own.hostname = '127.0.0.1';
  return own.origin;
}

const REQUEST = { productId: 1, users: 10_000, rate: 2_000, mode: 'both', units: 1_000 };
const PROGRESS = {
  elapsedMs: 2_012,
  offered: 4_019,
  answered: 4_004,
  sold: 1_000,
  refused: 3_004,
  backlog: 11,
  p99Ms: 8.7,
};

const RUNNING = {
  state: 'running',
  startedAt: '2026-11-22T16:22:53.752Z',
  endedAt: null,
  request: REQUEST,
  progress: PROGRESS,
  result: null,
  message: null,
};

const DONE = {
  ...RUNNING,
  state: 'done',
  endedAt: '2026-11-22T16:22:59.871Z',
  progress: { ...PROGRESS, elapsedMs: 5_103, offered: 10_000, answered: 10_000, refused: 9_000, backlog: 0 },
  result: {
    verdicts: [{ name: 'no oversell', pass: true, detail: '1,000 for this rush, 1,000 of 1,000 in all' }],
    users: 10_000,
    granted: 1_000,
    refused: 9_000,
    errors: 0,
    stock: { before: 1_000, after: 0 },
    elapsedMs: 5_103,
    arrivals: { plannedMs: 5_000, tookMs: 5_004 },
    sync: { p50Ms: 2.1, p95Ms: 5.8, p99Ms: 8.7 },
    async: { acceptP99Ms: 7.9, confirmP99Ms: 61.2 },
  },
};
