import type { TSchema } from 'typebox';
import type { Role } from '../domain/operator.ts';
import { ErrorAnswer, ProblemAnswer } from './schemas.ts';

/**
 * A line of the one table of routes: the handler, and what callers read about it. The server serves it, answers 405 and OPTIONS by it,
 * and the OpenAPI document, `/docs` and the reference are written from it.
 */
export interface Route {
  readonly method: Method;
  /** As Bun has it, like `/api/v1/orders/:orderId`. */
  readonly path: string;
  readonly tag: Tag;
  readonly failure: Failure;
  /** Unique: the operation id, and the route's anchor on the page. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Absent where all callers are alike. */
  readonly access?: Access;
  /** What stands in the path, in the query and in headers. */
  readonly params?: Parameters;
  readonly query?: Parameters;
  readonly headers?: Parameters;
  readonly body?: RequestBody;
  /** What is not said here follows from the rest: what is wrong with a body, or who is no operator. */
  readonly answers: Answers;
  /** Schemas that the description speaks of. */
  readonly mentions?: readonly TSchema[];
  /** It asks the limits of requests itself, because more counts there than the caller's address. */
  readonly limitsItself?: true;
  readonly handle: Handler;
}

/** Who may call: operators of that role or a higher one; `orOthers`: others, too, who get or do less. */
export interface Access {
  readonly role: Role;
  readonly orOthers?: true;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Handler = (req: never, server: Bun.Server<unknown>) => Response | Promise<Response>;

/** Groups of routes, in the order in which they are shown. */
export const TAGS = {
  sync: 'The answer is the outcome.',
  async: 'The answer is a tracking id; the outcome follows.',
  orders: 'What was bought, and its payment.',
  products: 'What is sold, and when. All clients read, operators change.',
  live: 'What changes, told as it changes.',
  operations: 'What operators see of the service, and do about what went wrong.',
  actuator: 'Health and metrics in the shapes that Spring Boot clients read.',
  pages: 'What people see: HTML made from this API, and kept true by it.',
  about: 'This document, for people and for programs.',
} as const;
export type Tag = keyof typeof TAGS;

/**
 * How errors are said. `error`: JSON with `message` and `code`, as the fixed routes have it. `problem`: RFC 9457. `explained`: the same with
 * the error's own message, which may name hosts and files, so it is for operators. `own`: the handler lets nothing through; a
 * `then` more is a turn more for each purchase.
 */
export type Failure = 'error' | 'problem' | 'explained' | 'own';

export type Parameters = Readonly<Record<string, Parameter>>;

export interface Parameter {
  readonly schema: object;
  readonly description?: string;
  readonly required?: boolean;
  readonly style?: string;
  readonly explode?: boolean;
}

export interface RequestBody {
  readonly schema: TSchema;
  readonly example: unknown;
  /** False where a call without one is a call, too. */
  readonly required?: boolean;
}

/** By status; from 400 on a sentence is an error as the route says errors. */
export type Answers = Readonly<Record<number, Answer | string>>;

export interface Answer {
  readonly description: string;
  readonly headers?: readonly HeaderName[] | undefined;
  /** By media type. */
  readonly content: Readonly<Record<string, Content>>;
}

interface Content {
  readonly schema: object;
  readonly examples?: Examples | undefined;
}

type Examples = Readonly<Record<string, unknown>>;

/** Headers of answers. */
export const HEADERS = {
  'Retry-After': {
    description:
      'Seconds after which trying again makes sense; callers get different ones, and longer ones the more are refused',
    schema: { type: 'integer', minimum: 0 },
  },
  // Draft 9 of the IETF's "RateLimit header fields for HTTP".
  'RateLimit-Policy': {
    description: 'The limit that is nearest: its name, how many requests (`q`) in how many seconds (`w`)',
    schema: { type: 'string', examples: ['"purchase-customer";q=20;w=20'] },
  },
  RateLimit: {
    description: 'What is left of it (`r`), and after how many seconds more is (`t`)',
    schema: { type: 'string', examples: ['"purchase-customer";r=0;t=1'] },
  },
  Location: { description: 'Where the outcome will be found', schema: { type: 'string' } },
  ETag: {
    description:
      "The product's version; of a product also its state, which the clock changes by itself, and a mark of its description",
    schema: { type: 'string', pattern: '^"\\d+(\\.\\w+)?"$' },
  },
  'X-Request-Id': {
    description: 'Id of this answer; the one that the request brought, or a new one',
    schema: { type: 'string' },
  },
} as const;
export type HeaderName = keyof typeof HEADERS;

/** Like `POST /api/v1/orders/:orderId/cancel`. */
export type Target = `${Method} /${string}`;

type ParamsIn<Path extends string> = Path extends `${infer First}/${infer Rest}`
  ? ParamsIn<First> | ParamsIn<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : never;

/** A request of which the path's parameters are known. */
export type RequestTo<T extends Target> = Request & {
  readonly params: Readonly<Record<ParamsIn<T>, string>>;
};

/** What a reader has to know of a route; it does not compile without a summary, answers, and words for each parameter of its path. */
export type Described<T extends Target> = Omit<
  Route,
  'method' | 'path' | 'tag' | 'failure' | 'params' | 'handle'
> &
  ([ParamsIn<T>] extends [never] ? unknown : { readonly params: Readonly<Record<ParamsIn<T>, Parameter>> });

/** Makes the routes of one group. */
export function routesOf(tag: Tag, failure: Failure) {
  return <T extends Target>(
    target: T,
    described: Described<T> & {
      handle(req: RequestTo<T>, server: Bun.Server<unknown>): Response | Promise<Response>;
    },
  ): Route => {
    const [method, path] = target.split(' ') as [Method, string];
    return { method, path, tag, failure, ...described };
  };
}

export function jsonAnswer(
  description: string,
  schema: object,
  examples?: Examples,
  headers?: readonly HeaderName[],
): Answer {
  return { description, headers, content: { 'application/json': { schema, examples } } };
}

export function textAnswer(description: string, example: string): Answer {
  const content = { schema: { type: 'string' }, examples: { text: example } };
  return { description, content: { 'text/plain': content } };
}

/** An error, which every caller can ask about by its id. */
export function errorAnswer(description: string, headers: readonly HeaderName[] = []): Answer {
  return jsonAnswer(description, ErrorAnswer, undefined, ['X-Request-Id', ...headers]);
}

export function problemAnswer(description: string, headers: readonly HeaderName[] = []): Answer {
  const content = { 'application/problem+json': { schema: ProblemAnswer } };
  return { description, headers: ['X-Request-Id', ...headers], content };
}

/** How a description leads to a schema. */
export function ref(schema: object): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${nameOf(schema)}` };
}

/** The `$id` that a schema is known by. */
export function nameOf(schema: object): string {
  return (schema as { readonly $id: string }).$id;
}
