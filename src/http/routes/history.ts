import Type from 'typebox';
import type { Sample } from '../../domain/figures.ts';
import { POINTS_MIN } from '../../ports/history.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { readTime } from '../read-time.ts';
import { isoTime, json } from '../respond.ts';
import { jsonAnswer, type Parameter, type Route } from '../route.ts';
import { Count, list, nullable, shape, Timestamp } from '../schemas.ts';
import type { Service } from '../service.ts';
import { BacklogFigures, Measure, PER_SECOND, PerSecond, TIMES_EXAMPLE, Times, UNITS } from './figures.ts';
import { NOT_STORED, wholeNumber, wrong } from './inputs.ts';
import { Time } from './product-schemas.ts';

const POINTS = { type: 'integer', minimum: POINTS_MIN, maximum: 2000, default: 600 } as const;

const HistoryAnswer = shape('History', 'Oldest first; as of `/api/v1/ops/rates`, seen at `at`', {
  from: Timestamp,
  to: Timestamp,
  samples: list({
    at: Timestamp,
    total: Type.Object({ instances: Count, perSecond: PerSecond, times: Times }),
    instances: list({
      instance: Type.String(),
      eventLoopP99Ms: Measure,
      cpuShare: Measure,
      rssBytes: Count,
    }),
    backlog: BacklogFigures,
    units: nullable(list(UNITS)),
  }),
});

/** What happened, for charts. */
export function createHistoryRoute(service: Service): Route {
  const { history } = service;
  const { reading } = operatorRoutes('operations', 'explained', service);

  return reading('GET /api/v1/ops/history', {
    id: 'history',
    summary: 'Get sale history',
    description:
      'One process writes down what `/api/v1/ops/rates` shows of the last two seconds, once a second while something happens and once ' +
      'a minute otherwise; after an hour of one sale further apart, ten seconds at most, and with the rates of ten seconds where they are more than two apart. All instances answer the same, also after a ' +
      'restart. Of more than `points` samples comes a choice: they are cut into slices of equally many, so that a busy minute ' +
      'keeps more than a quiet hour, and of each slice come the one with the highest rates and the one with the longest times. ' +
      'Nothing is averaged; the first and the last sample are always there.',
    query: {
      from: {
        schema: Time,
        description:
          'Without it the beginning of the last sale: where something happened after ten minutes of quiet, a day back at most. ' +
          'Two hours back where nothing has happened yet',
      },
      to: { schema: Time, description: 'Now, without it' },
      points: { schema: POINTS, description: 'At most so many samples' } satisfies Parameter,
    },
    answers: { 200: jsonAnswer('The samples', HistoryAnswer, { sale: HISTORY }), 400: '`invalid_request`' },
    async handle(req, query) {
      const [from, to] = [timeIn(query, 'from'), timeIn(query, 'to')];
      if (from === undefined) return noTime(req, 'from');
      if (to === undefined) return noTime(req, 'to');
      if (from !== null && to !== null && from > to)
        return wrong(req, 'from', 'from must not be later than to');
      const points = wholeNumber(query.get('points') ?? `${POINTS.default}`, POINTS.minimum, POINTS.maximum);
      if (points === null)
        return wrong(
          req,
          'points',
          `points must be a whole number from ${POINTS.minimum} to ${POINTS.maximum}`,
        );
      const course = await history.read(from, to, points);
      return json(
        { from: isoTime(course.from), to: isoTime(course.to), samples: course.samples.map(shown) },
        200,
        NOT_STORED,
      );
    },
  });
}

function shown({ at, ...figures }: Sample) {
  return { at: isoTime(at), ...figures };
}

/** Null where it is not given, undefined where it is no time. */
function timeIn(query: URLSearchParams, name: string): number | null | undefined {
  const text = query.get(name);
  return text === null ? null : readTime(text);
}

function noTime(req: Request, field: string): Response {
  return wrong(req, field, `${field} must be a time like 2026-11-27T09:00:00Z (RFC 3339)`);
}

const HISTORY = {
  from: '2026-11-22T16:22:43.752Z',
  to: '2026-11-22T16:31:02.114Z',
  samples: [
    {
      at: '2026-11-22T16:22:54.760Z',
      total: { instances: 1, perSecond: PER_SECOND, times: TIMES_EXAMPLE },
      instances: [{ instance: 'shop-1:2214', eventLoopP99Ms: 6.1, cpuShare: 0.82, rssBytes: 187_420_672 }],
      backlog: { purchases: 1029, oldestAgeMs: 201, paymentsOldestAgeMs: 1204 },
      units: [{ productId: 1, total: 1000, available: 0, reserved: 2, sold: 998 }],
    },
  ],
};
