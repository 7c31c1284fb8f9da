import Type from 'typebox';
import type { Choice, DeadLetterGroup, ShownLetter } from '../../app/ops/dead-letters.ts';
import { QUEUE_NAMES } from '../../ports/queue.ts';
import { operatorRoutes } from '../operator-routes.ts';
import { isoTime, json } from '../respond.ts';
import { jsonAnswer, type Route } from '../route.ts';
import { Count, closed, count, list, Reason, shape, Timestamp } from '../schemas.ts';
import type { Service } from '../service.ts';
import { LIMIT, NOT_STORED, readLimit, wrong } from './inputs.ts';
import { QueueNameSchema } from './queue-figures.ts';

/** Letters named one by one in one call; a group is named by its cause. */
const LETTER_IDS_MAX = 200;
const CAUSE_CHARS_MAX = 1_000;

const CauseSchema = Type.String({
  minLength: 1,
  maxLength: CAUSE_CHARS_MAX,
  description: "A group's cause, or the cause of one of its letters",
});

const DeadLettersBody = closed(
  'DeadLettersRequest',
  'Either `cause` or `ids` says which letters of the queue are meant.',
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
);

const DeadLetterGroupsAnswer = shape('DeadLetterGroups', '', {
  groups: list({
    queue: QueueNameSchema,
    cause: Type.String({ description: 'What the causes of its letters have in common' }),
    letters: Count,
    items: count('Purchases or orders in the letters'),
    oldestAt: Timestamp,
    newestAt: Timestamp,
    itemIds: Type.Array(Type.String(), { description: 'The first few purchases or orders' }),
  }),
  truncated: Type.Boolean({ description: 'There are more letters or groups than were looked at' }),
});

const DeadLettersAnswer = shape('DeadLetters', 'Oldest first. Customers are not shown.', {
  letters: list({
    id: Type.String(),
    queue: QueueNameSchema,
    cause: Type.String(),
    items: Count,
    deadAt: Timestamp,
    itemIds: Type.Array(Type.String(), { description: 'Purchases or orders in it' }),
  }),
  truncated: Type.Boolean(),
});

const DeadLettersDone = shape('DeadLettersDone', '', {
  queue: QueueNameSchema,
  letters: count('Letters that were still there, and no longer are'),
  items: count('Purchases or orders in the letters chosen'),
  truncated: Type.Boolean({ description: 'There may be more of them: ask again' }),
});

/** What could not be handled, and what operators do about it. */
export function createDeadLetterRoutes(service: Service): Route[] {
  const { deadLetters } = service;
  const { reading, acting } = operatorRoutes('operations', 'explained', service);

  async function letters(req: Request, query: URLSearchParams): Promise<Response> {
    const asked = query.get('queue') ?? 'purchases';
    const queue = QUEUE_NAMES.find((name) => name === asked);
    if (!queue) return wrong(req, 'queue', `queue must be one of ${QUEUE_NAMES.join(', ')}`);
    const limit = readLimit(req, query);
    if (limit instanceof Response) return limit;
    const cause = query.get('cause');
    if (cause !== null && (cause === '' || cause.length > CAUSE_CHARS_MAX)) {
      return wrong(req, 'cause', `cause must have 1 to ${CAUSE_CHARS_MAX} characters`);
    }
    const { letters, truncated } = await deadLetters.letters({ queue, cause, limit });
    return json({ letters: letters.map(shownLetter), truncated }, 200, NOT_STORED);
  }

  function ending(
    how: 'replay' | 'discard',
    described: {
      id: string;
      summary: string;
      description: string;
      role: 'operator' | 'admin';
    },
  ): Route {
    return acting(`POST /api/v1/ops/dead-letters/${how}`, {
      ...described,
      body: { schema: DeadLettersBody, example: DEAD_LETTERS_REQUEST },
      answers: { 200: jsonAnswer('It is done', DeadLettersDone, { done: DEAD_LETTERS_DONE }) },
      async handle(asked, req, server) {
        const { queue, cause, ids } = asked.body;
        if ((cause === undefined) === (ids === undefined)) {
          return wrong(req, 'cause', 'Either cause or ids must say which letters are meant');
        }
        // A broker hands thousands of letters out one after the other.
        server.timeout(req, ACTION_TIMEOUT_S);
        const choice: Choice = { queue, ...(cause !== undefined && { cause }), ...(ids && { ids }) };
        return json({ queue, ...(await deadLetters[how](choice, asked.entry)) }, 200, NOT_STORED);
      },
    });
  }

  return [
    reading('GET /api/v1/ops/dead-letters', {
      id: 'deadLetterGroups',
      summary: 'List dead letters by cause',
      description:
        'What could not be handled, by queue and cause. Causes that differ in ids and numbers only are one group. The group that is oldest comes first.',
      answers: { 200: jsonAnswer('The groups', DeadLetterGroupsAnswer, { one: DEAD_LETTER_GROUPS }) },
      async handle() {
        const { groups, truncated } = await deadLetters.groups();
        return json({ groups: groups.map(shownGroup), truncated }, 200, NOT_STORED);
      },
    }),
    reading('GET /api/v1/ops/dead-letters/letters', {
      id: 'deadLetters',
      summary: 'List dead letters',
      description: 'One by one, with what each one carries.',
      query: {
        queue: { schema: { ...QueueNameSchema, default: 'purchases' }, description: 'Of this queue' },
        cause: { schema: CauseSchema, description: 'Of this group only' },
        limit: LIMIT,
      },
      answers: { 200: jsonAnswer('The letters', DeadLettersAnswer, { one: DEAD_LETTERS }) },
      handle: letters,
    }),
    ending('replay', {
      role: 'operator',
      id: 'replayDeadLetters',
      summary: 'Replay dead letters',
      description:
        'Puts dead letters back in line. Each purchase is tried again as if for the first time. One past its time to live ends as `too_old`. Asking again is safe.',
    }),
    ending('discard', {
      role: 'admin',
      id: 'discardDeadLetters',
      summary: 'Discard dead letters',
      description:
        'Gives dead letters up. Each purchase ends as `failed`, code `discarded`; one that has an outcome keeps it. Asking again is safe. Orders to ' +
        'charge are looked for again, or expire, as if their letter had been lost.',
    }),
  ];
}

const ACTION_TIMEOUT_S = 120;

function shownGroup({ oldestAt, newestAt, ...group }: DeadLetterGroup) {
  return { ...group, oldestAt: isoTime(oldestAt), newestAt: isoTime(newestAt) };
}

function shownLetter({ deadAt, ...letter }: ShownLetter) {
  return { ...letter, deadAt: isoTime(deadAt) };
}

/** Answers of a real server to operators. A test holds them against their schemas. */
const CAUSE = 'CHECK constraint failed: quantity >= <n>';
const PURCHASE_ID = '01a2040e-e5b5-70cc-a15c-23e21a9336a6';

const DEAD_LETTERS_REQUEST = {
  queue: 'purchases',
  cause: CAUSE,
  reason: 'the release of 14:20 decides them',
};

const DEAD_LETTERS_DONE = { queue: 'purchases', letters: 1, items: 1, truncated: false };

const DEAD_LETTER_GROUPS = {
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

const DEAD_LETTERS = {
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
