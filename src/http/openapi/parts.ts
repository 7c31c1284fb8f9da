import type { TSchema } from 'typebox';
import { ACTOR_PATTERN } from '../schemas/operators.ts';
import {
  AuditAnswer,
  AuditBody,
  DeadLetterGroupsAnswer,
  DeadLettersAnswer,
  DeadLettersBody,
  DeadLettersDone,
  OperationsAnswer,
  OpsQueuesAnswer,
  RatesAnswer,
} from '../schemas/ops.ts';
import { CancelBody, RefundBody } from '../schemas/orders.ts';
import {
  ProductAnswer,
  ProductBody,
  ProductChangeBody,
  ProductsAnswer,
  ReasonBody,
  UnitsBody,
} from '../schemas/products.ts';
import { StreamOrder, StreamProduct, StreamSnapshot } from '../schemas/stream.ts';
import {
  AcceptanceAnswer,
  ErrorAnswer,
  OrderAnswer,
  ProblemAnswer,
  PurchaseAnswer,
  PurchaseBody,
  QueueStatusAnswer,
  StockAnswer,
  TrackingAnswer,
} from '../schemas.ts';
import {
  HealthAnswer,
  HealthComponent,
  InfoAnswer,
  LinksAnswer,
  MetricAnswer,
  MetricNamesAnswer,
} from './actuator-schemas.ts';

/** The words that descriptions of routes are made of. */

export type Method = 'get' | 'post' | 'put' | 'patch';
export type Paths = Readonly<Record<string, Readonly<Partial<Record<Method, Operation>>>>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, object>>;
}

interface AnswerParts {
  readonly headers?: readonly HeaderName[];
  readonly examples?: Readonly<Record<string, unknown>>;
}

/** Everything under `components`, each schema by its `$id`. */
export const COMPONENTS = {
  schemas: Object.fromEntries(
    [
      PurchaseBody,
      CancelBody,
      RefundBody,
      PurchaseAnswer,
      AcceptanceAnswer,
      TrackingAnswer,
      OrderAnswer,
      StockAnswer,
      QueueStatusAnswer,
      ProductBody,
      ProductChangeBody,
      UnitsBody,
      ReasonBody,
      ProductAnswer,
      ProductsAnswer,
      StreamSnapshot,
      StreamProduct,
      StreamOrder,
      DeadLetterGroupsAnswer,
      DeadLettersAnswer,
      DeadLettersBody,
      DeadLettersDone,
      OperationsAnswer,
      OpsQueuesAnswer,
      AuditAnswer,
      AuditBody,
      RatesAnswer,
      LinksAnswer,
      HealthAnswer,
      HealthComponent,
      InfoAnswer,
      MetricNamesAnswer,
      MetricAnswer,
      ErrorAnswer,
      ProblemAnswer,
    ].map((schema) => [nameOf(schema), schema]),
  ),
  headers: {
    'Retry-After': {
      description:
        'Seconds after which trying again makes sense; callers get different ones, and longer ones the more are refused',
      schema: { type: 'integer', minimum: 0 },
    },
    Location: { description: 'Where the outcome will be found', schema: { type: 'string' } },
    ETag: {
      description: "The product's version; of a product also its state, which the clock changes by itself",
      schema: { type: 'string', pattern: '^"\\d+(\\.\\w+)?"$' },
    },
    'X-Request-Id': {
      description: 'Id of this answer; the one that the request brought, or a new one',
      schema: { type: 'string' },
    },
  },
  securitySchemes: {
    operator: {
      type: 'http',
      scheme: 'bearer',
      description:
        'The token is the setting `PULSECART_OPERATOR_TOKEN`. Where none is set, a development server keeps one of its own in the file `operator-token` of its data folder, and answers `init` and `reset` of stock without any, to the same user on this machine.',
    },
  },
} as const;

type HeaderName = keyof typeof COMPONENTS.headers;

export function ref(schema: TSchema): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${nameOf(schema)}` };
}

function nameOf(schema: TSchema): string {
  const { $id } = schema as { $id?: string };
  if ($id === undefined) throw new Error('a schema needs an $id to be a component');
  return $id;
}

export function jsonAnswer(description: string, schema: TSchema, parts: AnswerParts = {}): object {
  return answer(description, 'application/json', ref(schema), parts);
}

/** For a status that comes in several shapes. */
export function anyJsonAnswer(
  description: string,
  schemas: readonly TSchema[],
  parts: AnswerParts = {},
): object {
  return answer(description, 'application/json', { anyOf: schemas.map(ref) }, parts);
}

export function textAnswer(description: string, example: string): object {
  return answer(description, 'text/plain', { type: 'string' }, { examples: { text: example } });
}

export function errorAnswer(description: string, headers: readonly HeaderName[] = []): object {
  return jsonAnswer(description, ErrorAnswer, { headers: ['X-Request-Id', ...headers] });
}

export function problemAnswer(description: string, headers: readonly HeaderName[] = []): object {
  return answer(description, 'application/problem+json', ref(ProblemAnswer), {
    headers: ['X-Request-Id', ...headers],
  });
}

function answer(
  description: string,
  type: string,
  schema: object,
  { headers, examples }: AnswerParts,
): object {
  return {
    description,
    ...(headers && {
      headers: Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    }),
    content: {
      [type]: {
        schema,
        ...(examples && {
          examples: Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }])),
        }),
      },
    },
  };
}

export function inPath(name: string, schema: object, description: string): object {
  return { name, in: 'path', required: true, schema, description };
}

export function inQuery(name: string, schema: object, description: string, required = false): object {
  return { name, in: 'query', required, schema, description };
}

/** Only operators may call it. */
export const FOR_OPERATORS = [{ operator: [] }] as const;

export const NOT_AN_OPERATOR = errorAnswer('`unauthorized`: no operator token, or a wrong one');

/** How a person's words stand in a header. */
export const HEADER_TEXT = "UTF-8, or percent-encoded after `UTF-8''` (RFC 8187), like `UTF-8''J%C3%BCrgen`.";

/** Who acts, on calls of operators that are written down. */
export const OPERATOR_NAME = {
  name: 'X-Operator',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: ACTOR_PATTERN, maxLength: 64 },
  description: `Who acts, for the log of operations; \`operator\` where it is absent. Not \`system\`. ${HEADER_TEXT}`,
} as const;

/** Visible ASCII, bare or in quotes. */
export const KEY_PATTERN = '^([!#-~][ -~]*|"[ !#-\\[\\]-~]*[!#-\\[\\]-~][ !#-\\[\\]-~]*")$';

/** On calls of operators that would do more when they are sent twice. */
export const OPERATION_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', pattern: KEY_PATTERN, minLength: 1, maxLength: 255 },
  description:
    'Bare or quoted. The same call with the same key is done once, and answered with the product as it is then; with another ' +
    'body it is refused. Known as long as the log of operations is kept.',
} as const;

export const KEY_MISMATCH = '`idempotency_mismatch`: the key was used with another body';

/** While an engine is away. */
export const CANNOT_READ = problemAnswer('`unavailable`', ['Retry-After']);
const CANNOT_CHANGE = problemAnswer(
  '`unavailable`: nothing was done. `outcome_unknown`: perhaps done. The same call again does it, or finds out.',
  ['Retry-After'],
);

/** What a call of operators with a JSON body may be answered instead of being carried out. */
export const BAD_OPERATOR_INPUT = {
  '400': problemAnswer('`invalid_request`; `field` names what is wrong'),
  '401': problemAnswer('`unauthorized`: no operator token, or a wrong one'),
  '413': problemAnswer('`payload_too_large`: the body is larger than 16 KiB'),
  '415': problemAnswer('`unsupported_media_type`: the body is not declared as JSON'),
  '503': CANNOT_CHANGE,
} as const;
