import Type from 'typebox';
import { typeOf } from '../../app/webhooks/event.ts';
import type { DeadWebhook, StoredWebhookTarget, WebhookBacklog } from '../../ports/webhooks.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json, problem } from '../respond.ts';
import { jsonAnswer, type Route } from '../route.ts';
import { Count, closed, count, list, nullable, Reason, shape, Timestamp, Uuid } from '../schemas.ts';
import type { Service } from '../service.ts';
import { LIMIT, NOT_STORED, readLimit, wholeNumber, wrong } from './inputs.ts';

/** Events named one by one in one call. */
const IDS_MAX = 200;
/** Replayed in one call: one transaction, in which other steps wait. */
const REPLAYED_MAX = 1_000;

const TARGET_PATTERN = '^[0-9a-f]{12}$';
const TargetId = Type.String({ pattern: TARGET_PATTERN, description: 'Id of a target' });
const Sequence = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });

const WebhooksAnswer = shape('Webhooks', '', {
  targets: list({
    id: TargetId,
    url: nullable(Type.String(), 'Without its query; null: no longer configured, only what it left'),
    disabledAt: nullable(Timestamp),
    disabledBecause: nullable(Type.String()),
    waiting: count('Events that it has not heard yet'),
    retrying: count('Of those, how many were tried in vain'),
    oldestAt: nullable(Timestamp, 'Of the events that wait'),
    dead: count('Events that were given up'),
  }),
});

const DeadWebhooksAnswer = shape('DeadWebhooks', 'The oldest first', {
  events: list({
    sequence: Sequence,
    target: TargetId,
    type: Type.String(),
    orderId: Uuid,
    at: Timestamp,
    tries: Count,
    cause: Type.String({ description: 'Of the last try' }),
    deadAt: Timestamp,
  }),
  next: Type.Union([Sequence, Type.Null()], {
    description: 'The `after` of the next page; null on the last one',
  }),
});

const ReplayBody = closed('WebhookReplayRequest', 'Without `target` and `sequences`: of all targets.', {
  target: Type.Optional(TargetId),
  sequences: Type.Optional(Type.Array(Sequence, { minItems: 1, maxItems: IDS_MAX })),
  reason: Reason,
});

const ReplayAnswer = shape('WebhookReplay', '', {
  replayed: count('Events that are due again'),
  truncated: Type.Boolean({ description: 'There may be more of them: ask again' }),
});

const EnableBody = closed('WebhookEnableRequest', '', { target: TargetId, reason: Reason });

const EnableAnswer = shape('WebhookEnabled', '', { target: TargetId });

/** Who is told of orders, what they have not heard, and what operators do about it. */
export function createWebhookRoutes(service: Service): Route[] {
  const { ledger } = service;
  const { reading, acting } = operatorRoutes('operations', 'explained', service);

  async function dead(req: Request, query: URLSearchParams): Promise<Response> {
    const limit = readLimit(req, query);
    if (limit instanceof Response) return limit;
    const after = wholeNumber(query.get('after') ?? '0', 0, Number.MAX_SAFE_INTEGER);
    if (after === null) return wrong(req, 'after', 'after must be the sequence of an event');
    const target = query.get('target');
    if (target !== null && !new RegExp(TARGET_PATTERN).test(target)) {
      return wrong(req, 'target', 'target must be the id of a target');
    }
    const events = await ledger.deadWebhooks(target, after, limit);
    const next = events.length === limit ? events.at(-1)!.seq : null;
    return json({ events: events.map(shownDead), next }, 200, NOT_STORED);
  }

  return [
    reading('GET /api/v1/ops/webhooks', {
      id: 'webhooks',
      summary: 'List webhook targets',
      description: 'Who is told of orders, and what they have not heard yet.',
      answers: { 200: jsonAnswer('The targets', WebhooksAnswer, { one: WEBHOOKS }) },
      async handle() {
        const [targets, backlog] = await Promise.all([ledger.webhookTargets(), ledger.webhookBacklog()]);
        return json({ targets: shownTargets(targets, backlog) }, 200, NOT_STORED);
      },
    }),
    reading('GET /api/v1/ops/webhooks/dead', {
      id: 'deadWebhooks',
      summary: 'List dead webhook events',
      description: 'Events that a target did not take at any try.',
      query: {
        target: { schema: { type: 'string', pattern: TARGET_PATTERN }, description: 'Of this target only' },
        after: {
          schema: { type: 'integer', minimum: 0, default: 0 },
          description: 'The last event of the page before',
        },
        limit: LIMIT,
      },
      answers: { 200: jsonAnswer('The events', DeadWebhooksAnswer, { one: DEAD }) },
      handle: dead,
    }),
    acting('POST /api/v1/ops/webhooks/replay', {
      role: 'operator',
      id: 'replayWebhooks',
      summary: 'Replay dead webhook events',
      description:
        'Makes dead events due again, as if they had never been tried. An event that is replayed comes after later ones of its order: ' +
        'its `sequence` says so. Asking again is safe.',
      body: { schema: ReplayBody, example: { target: TARGET, reason: 'their receiver is back' } },
      answers: { 200: jsonAnswer('It is done', ReplayAnswer, { done: { replayed: 12, truncated: false } }) },
      async handle({ body, entry }) {
        const { target, sequences } = body;
        const choice = { targetId: target ?? null, seqs: sequences ?? null };
        const subject = target ? `webhook/${target}` : 'webhooks';
        const details = sequences ? { sequences } : {};
        const replayed = await ledger.replayWebhooks(
          choice,
          REPLAYED_MAX,
          entry('webhooks.replay', subject, details),
        );
        return json({ replayed, truncated: replayed === REPLAYED_MAX }, 200, NOT_STORED);
      },
    }),
    acting('POST /api/v1/ops/webhooks/enable', {
      role: 'operator',
      id: 'enableWebhooks',
      summary: 'Enable webhook target',
      description:
        'Enables a target that has answered 410. All that waits for it is due at once; so it also serves to hurry after an outage.',
      body: { schema: EnableBody, example: { target: TARGET, reason: 'their receiver is back' } },
      answers: {
        200: jsonAnswer('It is enabled', EnableAnswer, { done: { target: TARGET } }),
        404: '`not_found`: there is no such target',
      },
      async handle({ body, entry }, req) {
        const { target } = body;
        const found = await ledger.enableWebhookTarget(target, entry('webhooks.enable', `webhook/${target}`));
        if (!found) return problem(req, 'not_found', `There is no webhook target ${target}`);
        return json({ target }, 200, NOT_STORED);
      },
    }),
  ];
}

const NOTHING: Omit<WebhookBacklog, 'target'> = { waiting: 0, retrying: 0, oldestAt: null, dead: 0 };

function shownTargets(targets: readonly StoredWebhookTarget[], backlog: readonly WebhookBacklog[]) {
  const left = new Map(backlog.map((one) => [one.target, one]));
  const known = new Map(targets.map((one) => [one.id, one]));
  const ids = [...new Set([...known.keys(), ...left.keys()])].sort();
  return ids.map((id) => {
    const { url = null, disabledAt = null, disabledBecause = null } = known.get(id) ?? {};
    const { waiting, retrying, oldestAt, dead } = left.get(id) ?? NOTHING;
    const times = { disabledAt: disabledAt && isoTime(disabledAt), oldestAt: oldestAt && isoTime(oldestAt) };
    return { id, url, disabledBecause, waiting, retrying, dead, ...times };
  });
}

function shownDead({ seq, target, orderId, status, at, tries, cause, deadAt }: DeadWebhook) {
  const shown = { target, orderId, tries, cause, at: isoTime(at), deadAt: isoTime(deadAt) };
  return { sequence: seq, type: typeOf(status), ...shown };
}

const TARGET = '4f1c2a90b7de';

const WEBHOOKS = {
  targets: [
    {
      id: TARGET,
      url: 'https://shop.example/hooks/orders',
      disabledBecause: null,
      waiting: 3,
      retrying: 1,
      dead: 12,
      disabledAt: null,
      oldestAt: '2026-11-22T16:20:14.796Z',
    },
  ],
};

const DEAD = {
  events: [
    {
      sequence: 4711,
      type: 'order.paid',
      target: TARGET,
      orderId: '01a2040e-e549-70c2-8a78-490084e26084',
      tries: 10,
      cause: 'it answered 500',
      at: '2026-11-22T16:20:14.857Z',
      deadAt: '2026-11-25T20:04:51.310Z',
    },
  ],
  next: null,
};
