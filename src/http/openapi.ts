import { ROLES, type Role } from '../domain/operator.ts';
import type { Schema } from './docs/fields.ts';
import { withExamplesAsOf } from './example-times.ts';
import { HEADER_TEXT } from './header-text.ts';
import { addressRateOf } from './limits/limited-routes.ts';
import {
  type Answer,
  type Answers,
  errorAnswer,
  type Failure,
  HEADERS,
  type HeaderName,
  type Parameter,
  type Parameters,
  problemAnswer,
  type Route,
  ref,
  TAGS,
  type Tag,
} from './route.ts';
import { ACTOR_PATTERN, ErrorAnswer } from './schemas.ts';

/**
 * The API as OpenAPI 3.1, written from the table of routes. Its schemas are the ones that validate: each that has an `$id` stands
 * under `components`. A test holds answers of a running server against them. What its examples have ahead of them is ahead of `nowMs`.
 */
export function openApiDocument(routes: readonly Route[], version: string, nowMs: number): OpenApiDocument {
  const schemas: Record<string, Schema> = {};
  const paths: Record<string, Record<string, ApiOperation>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: withRefs<ApiOperation>(operationOf(route), schemas),
    };
    withRefs(route.mentions ?? [], schemas);
  }
  const document = {
    openapi: '3.1.0',
    info: { title: 'PulseCart', version, license: { name: 'MIT', identifier: 'MIT' }, description: ABOUT },
    tags: (Object.keys(TAGS) as Tag[]).map((name) => ({ name, description: TAGS[name] })),
    paths,
    components: { schemas, headers: HEADERS, securitySchemes: { operator: OPERATOR } },
  } as const;
  return withExamplesAsOf(document, nowMs);
}

export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: Tag; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly headers: typeof HEADERS;
    readonly securitySchemes: { readonly operator: typeof OPERATOR };
  };
}

/** A route as OpenAPI describes it. */
export interface ApiOperation {
  readonly operationId: string;
  readonly tags: readonly Tag[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly ApiParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: ApiContent };
  readonly responses: Readonly<Record<string, ApiResponse>>;
}

export interface ApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

export interface ApiResponse {
  readonly description: string;
  /** References to `components.headers`. */
  readonly headers?: Readonly<Partial<Record<HeaderName, object>>>;
  readonly content?: ApiContent;
}

/** Bodies by media type. */
export type ApiContent = Readonly<
  Record<
    string,
    {
      readonly schema: Schema;
      readonly example?: unknown;
      readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
    }
  >
>;

const ABOUT = `A flash sale: limited units, a crowd of buyers, and every answer true.

JSON in and out, timestamps in ISO 8601 UTC, amounts in minor units. Errors carry \`message\` and \`code\`. A wrong method
is answered 405 with \`Allow\`, an unknown path 404. GET routes answer HEAD, too, and every path answers OPTIONS with \`Allow\`. A body is UTF-8 and not compressed. An
\`X-Request-Id\` comes back with the answer, and stands in the log.`;

const OPERATOR = {
  type: 'http',
  scheme: 'bearer',
  description:
    'An operator’s own token, from `PULSECART_OPERATORS_FILE` or an issuer, whose role each call names; or that of the setting `PULSECART_OPERATOR_TOKEN`, which is an `admin`. Where none is set, a development server keeps one of its own in the file `operator-token` of its data folder, and answers `init` and `reset` of stock without any, to the same user on this machine.',
};

/** Who acts. */
const OPERATOR_NAME: Parameter = {
  schema: { type: 'string', pattern: ACTOR_PATTERN, maxLength: 64 },
  description: `Who acts, for the log of operations; \`operator\` where it is absent. Not \`system\`. Where the token has a name, that name or nothing. ${HEADER_TEXT}`,
};

/** What every route may answer when something of ours breaks. */
const INTERNAL_ERROR = {
  description: '`internal_error`',
  content: { 'application/json': { schema: ErrorAnswer } },
};

/** In JSON what is undefined is left out. */
function operationOf(route: Route): object {
  const { id, tag, summary, description, access, params, query, headers, body, failure } = route;
  const answers = withImplied(impliedAnswers(route), route.answers);
  const parameters = [
    ...placed('path', params, true),
    ...placed('query', query),
    ...placed('header', access && { 'X-Operator': OPERATOR_NAME }),
    ...placed('header', headers),
    ...placed('header', 304 in answers ? { 'If-None-Match': { schema: { type: 'string' } } } : {}),
  ];
  const json = body && { schema: body.schema, example: body.example };
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    security: access && [...(access.orOthers ? [{}] : []), { operator: [access.role] }],
    parameters: parameters.length > 0 ? parameters : undefined,
    requestBody: body && { required: body.required ?? true, content: { 'application/json': json } },
    responses: {
      ...mapValues(answers, (answer, status) => responseOf(answer, Number(status), failure)),
      default: INTERNAL_ERROR,
    },
  };
}

function placed(place: ApiParameter['in'], parameters: Parameters = {}, required = false): object[] {
  return Object.entries(parameters).map(([name, one]) => ({ name, in: place, required, ...one }));
}

/** A caller may be no operator, a body may be wrong, and what operators ask for may fail; each in the same words everywhere. */
function impliedAnswers(route: Route): Answers {
  const { method, access, body, failure } = route;
  return {
    ...((access || body) && { 400: '`invalid_request`; `field` names what is wrong' }),
    ...(access && {
      401: '`unauthorized`: no operator token, or a wrong one',
      403: `\`forbidden\`: the token's role is not ${wordsFor(access.role)}. \`operator_mismatch\`: X-Operator is another than the token's name`,
    }),
    ...(access && failure !== 'error' && { 503: method === 'GET' ? '`unavailable`' : CANNOT_CHANGE }),
    ...(addressRateOf(route) && { 429: '`too_many_requests`: over a limit that the server was given' }),
    ...(body && {
      413: '`payload_too_large`: the body is larger than 16 KiB',
      415: '`unsupported_media_type`: the body is not declared as JSON',
    }),
  };
}

/** What the route says itself wins; but one that says why it is forbidden is forbidden to wrong roles, too. */
function withImplied(implied: Answers, own: Answers): Answers {
  const forbidden = [own[403], implied[403]].filter((words) => typeof words === 'string');
  return { ...implied, ...own, ...(forbidden.length > 0 && { 403: forbidden.join('. ') }) };
}

function wordsFor(role: Role): string {
  return ROLES.slice(ROLES.indexOf(role)).join(' or ');
}

const CANNOT_CHANGE =
  '`unavailable`: nothing was done. `outcome_unknown`: perhaps done. The same call again does it, or finds out.';

function responseOf(answer: Answer | string, status: number, failure: Failure): object {
  if (typeof answer === 'string') {
    if (status < 400) return { description: answer };
    const asError = failure === 'error' || failure === 'own' ? errorAnswer : problemAnswer;
    const isPassing = status === 503 || status === 429;
    const headers: HeaderName[] = isPassing ? ['Retry-After'] : [];
    if (status === 429) headers.push('RateLimit-Policy', 'RateLimit');
    return responseOf(asError(answer, headers), status, failure);
  }
  const { description, headers, content } = answer;
  return {
    description,
    headers:
      headers && Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    content: mapValues(content, ({ schema, examples }) => ({
      schema,
      examples: examples && mapValues(examples, (value) => ({ value })),
    })),
  };
}

/** The same with a reference for each schema that has an `$id`, which goes to `schemas`: inside of one it would be relative to that. */
function withRefs<T extends object>(described: object, schemas: Record<string, Schema>): T {
  const text = JSON.stringify(described, (_, part) => {
    if (typeof part?.$id !== 'string') return part;
    const { $id, ...schema } = part;
    if (!($id in schemas)) {
      schemas[$id] = {};
      schemas[$id] = withRefs(schema, schemas);
    }
    return ref(part);
  });
  return JSON.parse(text);
}

function mapValues<A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
}
