import type Type from 'typebox';
import { Compile } from 'typebox/compile';
import type { Role } from '../domain/operator.ts';
import type { Check } from './json-body.ts';
import type { OperatorTrust } from './operator.ts';
import {
  type OperatorRequest,
  readOperator,
  readOperatorRequest,
  type SignedIn,
} from './operator-request.ts';
import {
  type Described,
  type Failure,
  type RequestBody,
  type RequestTo,
  type Route,
  routesOf,
  type Tag,
  type Target,
} from './route.ts';
import { queryOf } from './target.ts';

type Answer = Response | Promise<Response>;

/** What an operator's call carries. */
export interface OperatorBody<Schema extends Type.TSchema> extends RequestBody {
  readonly schema: Schema;
  /** What its fields accept, where the schema's own words would not do. */
  readonly expected?: Readonly<Record<string, string>>;
}

/** Makes routes that only operators may call: who asks is read before anything else, and a body against its schema. What reads needs a viewer. */
export function operatorRoutes(tag: Tag, failure: Failure, trust: OperatorTrust) {
  const route = routesOf(tag, failure);

  function reading<T extends Target>(
    target: T,
    {
      handle,
      ...described
    }: Described<T> & {
      handle(
        req: RequestTo<T>,
        query: URLSearchParams,
        server: Bun.Server<unknown>,
        operator: SignedIn,
      ): Answer;
    },
  ): Route {
    return route<Target>(target, {
      ...(described as Described<Target>),
      access: { role: 'viewer' },
      async handle(req, server) {
        const operator = await readOperator(req, server, trust, 'viewer');
        if (operator instanceof Response) return operator;
        return handle(req as RequestTo<T>, queryOf(req), server, operator);
      },
    });
  }

  function acting<T extends Target, Schema extends Type.TSchema>(
    target: T,
    {
      handle,
      body,
      role,
      ...described
    }: Omit<Described<T>, 'body' | 'access'> & {
      /** Who may do it, as a rule: `operator`; `admin` what cannot be undone. */
      readonly role: Exclude<Role, 'viewer'>;
      readonly body: OperatorBody<Schema>;
      handle(
        asked: OperatorRequest<Type.Static<Schema>>,
        req: RequestTo<T>,
        server: Bun.Server<unknown>,
      ): Answer;
    },
  ): Route {
    const { expected, ...requestBody } = body;
    const check = Compile(body.schema) as unknown as Check<Type.Static<Schema>>;
    return route<Target>(target, {
      ...(described as Described<Target>),
      access: { role },
      body: requestBody,
      async handle(req, server) {
        const asked = await readOperatorRequest(req, server, trust, role, check, expected);
        return asked instanceof Response ? asked : handle(asked, req as RequestTo<T>, server);
      },
    });
  }

  return { reading, acting };
}
