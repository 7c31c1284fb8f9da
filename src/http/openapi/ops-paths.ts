import {
  AuditAnswer,
  AuditBody,
  CauseSchema,
  DeadLetterGroupsAnswer,
  DeadLettersAnswer,
  DeadLettersBody,
  DeadLettersDone,
  OperationsAnswer,
  OpsQueuesAnswer,
  QueueNameSchema,
  RatesAnswer,
} from '../schemas/ops.ts';
import {
  AUDIT,
  AUDIT_REQUEST,
  DEAD_LETTER_GROUPS,
  DEAD_LETTERS,
  DEAD_LETTERS_DONE,
  DEAD_LETTERS_REQUEST,
  OPERATIONS,
  OPS_QUEUES,
  RATES,
} from './ops-examples.ts';
import {
  BAD_OPERATOR_INPUT,
  CANNOT_READ,
  FOR_OPERATORS,
  inQuery,
  jsonAnswer,
  OPERATOR_NAME,
  type Operation,
  type Paths,
  problemAnswer,
  ref,
} from './parts.ts';

const tags = ['operations'];
const security = FOR_OPERATORS;
const LIMIT = inQuery(
  'limit',
  { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
  'At most so many',
);
const NOT_AN_OPERATOR = { '401': problemAnswer('`unauthorized`: no operator token, or a wrong one') };
const BAD_QUERY = {
  '400': problemAnswer('`invalid_request`; `field` names what is wrong'),
  ...NOT_AN_OPERATOR,
  '503': CANNOT_READ,
};

function action(operationId: string, summary: string, description: string): Operation {
  return {
    operationId,
    tags,
    security,
    summary,
    description,
    parameters: [OPERATOR_NAME],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: ref(DeadLettersBody), example: DEAD_LETTERS_REQUEST } },
    },
    responses: {
      '200': jsonAnswer('It is done', DeadLettersDone, { examples: { done: DEAD_LETTERS_DONE } }),
      ...BAD_OPERATOR_INPUT,
    },
  };
}

export const OPS_PATHS: Paths = {
  '/api/v1/ops/dead-letters': {
    get: {
      operationId: 'deadLetterGroups',
      tags,
      security,
      summary: 'What could not be handled, by queue and cause',
      description:
        'Causes that differ in ids and numbers only are one group. The group that is oldest comes first.',
      parameters: [OPERATOR_NAME],
      responses: {
        '200': jsonAnswer('The groups', DeadLetterGroupsAnswer, { examples: { one: DEAD_LETTER_GROUPS } }),
        ...BAD_QUERY,
      },
    },
  },
  '/api/v1/ops/dead-letters/letters': {
    get: {
      operationId: 'deadLetters',
      tags,
      security,
      summary: 'Dead letters one by one',
      parameters: [
        inQuery('queue', { ...QueueNameSchema, default: 'purchases' }, 'Of this queue'),
        inQuery('cause', CauseSchema, 'Of this group only'),
        LIMIT,
        OPERATOR_NAME,
      ],
      responses: {
        '200': jsonAnswer('The letters', DeadLettersAnswer, { examples: { one: DEAD_LETTERS } }),
        ...BAD_QUERY,
      },
    },
  },
  '/api/v1/ops/dead-letters/replay': {
    post: action(
      'replayDeadLetters',
      'Put dead letters back in line',
      'Each purchase is tried again as if for the first time. One past its time to live ends as `too_old`. Asking again is safe.',
    ),
  },
  '/api/v1/ops/dead-letters/discard': {
    post: action(
      'discardDeadLetters',
      'Give dead letters up',
      'Each purchase ends as `failed`, code `discarded`; one that has an outcome keeps it. Asking again is safe. Orders to ' +
        'charge are looked for again, or expire, as if their letter had been lost.',
    ),
  },
  '/api/v1/ops/log': {
    get: {
      operationId: 'operations',
      tags,
      security,
      summary: 'What operators did, and why',
      parameters: [
        LIMIT,
        inQuery('before', { type: 'string', format: 'uuid' }, 'The last operation of the page before'),
        OPERATOR_NAME,
      ],
      responses: {
        '200': jsonAnswer('A page of the log', OperationsAnswer, { examples: { page: OPERATIONS } }),
        ...BAD_QUERY,
      },
    },
  },
  '/api/v1/ops/queues': {
    get: {
      operationId: 'opsQueues',
      tags,
      security,
      summary: 'What waits, and for whom',
      parameters: [OPERATOR_NAME],
      responses: {
        '200': jsonAnswer('The figures', OpsQueuesAnswer, { examples: { now: OPS_QUEUES } }),
        ...BAD_QUERY,
      },
    },
  },
  '/api/v1/ops/audit': {
    post: {
      operationId: 'audit',
      tags,
      security,
      summary: 'Prove that the books balance',
      description:
        'In a process of its own, beside the servers, from one moment of the ledger; the answer comes when it is done. One at a ' +
        'time, and two minutes at most: the command `pulsecart audit` has no limit.',
      parameters: [OPERATOR_NAME],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: ref(AuditBody), example: AUDIT_REQUEST } },
      },
      responses: {
        '200': jsonAnswer('The verdicts', AuditAnswer, { examples: { balanced: AUDIT } }),
        ...BAD_OPERATOR_INPUT,
        '409': problemAnswer('`in_flight`: another one is running'),
        '503': problemAnswer('`unavailable`: the books could not be read, or not in time', ['Retry-After']),
      },
    },
  },
  '/api/v1/ops/rates': {
    get: {
      operationId: 'rates',
      tags,
      security,
      summary: 'What happens now, by instance and in total',
      description:
        'Rates and times of the last ten seconds. Every process tells its own once a second; one that is silent for ten seconds ' +
        'is left out, and `ageMs` says how old each is.',
      parameters: [OPERATOR_NAME],
      responses: {
        '200': jsonAnswer('The figures', RatesAnswer, { examples: { now: RATES } }),
        ...BAD_QUERY,
      },
    },
  },
};
