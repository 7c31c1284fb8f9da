import type { AuditAction, AuditEntry } from '../domain/audit-entry.ts';
import { isSystem, type Operator, type Role } from '../domain/operator.ts';
import { readHeaderText } from './header-text.ts';
import { type Check, type Refuse, readCheckedBody } from './json-body.ts';
import { type OperatorAsk, type OperatorTrust, readTokenOf } from './operator.ts';
import { failure, problem } from './respond.ts';
import { ACTOR_PATTERN, REASON_PATTERN } from './schemas.ts';

/** What an operator asks for on our own routes. */
export interface OperatorRequest<Body> {
  readonly body: Body;
  /** The entry for the log of what is done now, with the reason of the body. */
  entry(action: AuditAction, subject: string, details?: Readonly<Record<string, unknown>>): AuditEntry;
}

/** Who calls. */
export interface SignedIn {
  /** For the log: the token's own name, or what `X-Operator` says where the token has none. */
  readonly actor: string;
  readonly role: Role;
  /** The name is the token's. */
  readonly isNamed: boolean;
}

/**
 * Reads an operator's call: who, then the JSON body against its compiled schema. `expected` says for a field what it accepts,
 * where the schema's own words would not do. Answers the refusal where something is wrong.
 */
export async function readOperatorRequest<Body>(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  needed: Role,
  check: Check<Body>,
  expected: Readonly<Record<string, string>> = {},
): Promise<OperatorRequest<Body> | Response> {
  const operator = await readOperator(req, server, trust, needed);
  if (operator instanceof Response) return operator;
  return readCheckedBody(req, check, { ...OPERATOR_EXPECTED, ...expected }, (body) => {
    const { reason = null } = body as { readonly reason?: string };
    return {
      body,
      entry: (action, subject, details = {}) =>
        newAuditEntry(operator.actor, action, subject, reason, details),
    };
  });
}

/** The same for a call without a body: who asks, or the refusal. */
export function readOperator(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  needed: Role,
  ask: OperatorAsk = {},
): SignedIn | Response | Promise<SignedIn | Response> {
  const { refuse = problem } = ask;
  const operator = readTokenOf(req, server, trust, needed, { ...ask, refuse });
  return operator instanceof Promise
    ? operator.then((found) => withActor(req, found, refuse))
    : withActor(req, operator, refuse);
}

function withActor(req: Request, operator: Operator | Response, refuse: Refuse): SignedIn | Response {
  if (operator instanceof Response) return operator;
  const { name, role } = operator;
  const header = req.headers.get('x-operator');
  const said = header === null ? (name ?? 'operator') : readHeaderText(header);
  if (said === null || !isActor(said)) {
    const says = said === null ? `X-Operator ${NOT_UTF8}` : `X-Operator must be ${ACTOR_EXPECTED}`;
    return refuse(req, 'invalid_request', says, { field: 'X-Operator' });
  }
  if (name === null || said === name) return { actor: said, role, isNamed: name !== null };
  const says = `X-Operator must be absent, or ${name}: the token says who calls`;
  return refuse(req, 'operator_mismatch', says, { field: 'X-Operator' });
}

/** What `isActor` takes, for people. */
export const ACTOR_EXPECTED =
  'a name of 1 to 64 characters, no control characters among them, and not "system"';

/** Whether an operator may be called so. */
export function isActor(name: string): boolean {
  return ACTOR.test(name) && !isSystem(name);
}

/** For the operators' calls among the fixed routes: they have no body, so that a reason may come as `X-Reason`. */
export async function readBareEntry(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  needed: Role,
  action: AuditAction,
): Promise<((subject: string, details?: Readonly<Record<string, unknown>>) => AuditEntry) | Response> {
  const operator = await readOperator(req, server, trust, needed, { call: 'stock', refuse: failure });
  if (operator instanceof Response) return operator;
  const header = req.headers.get('x-reason');
  const reason = header && readHeaderText(header);
  if (header !== null && (reason === null || !REASON.test(reason))) {
    const says =
      reason === null ? `X-Reason ${NOT_UTF8}` : OPERATOR_EXPECTED.reason!.replace('reason', 'X-Reason');
    return failure(req, 'invalid_request', says, { field: 'X-Reason' });
  }
  return (subject, details = {}) => newAuditEntry(operator.actor, action, subject, reason, details);
}

export function newAuditEntry(
  actor: string,
  action: AuditAction,
  subject: string,
  reason: string | null,
  details: Readonly<Record<string, unknown>> = {},
): AuditEntry {
  return { id: Bun.randomUUIDv7(), actor, action, subject, reason, details };
}

const ACTOR = new RegExp(ACTOR_PATTERN, 'u');
const REASON = new RegExp(REASON_PATTERN, 'u');

const NOT_UTF8 = "is broken: it must be UTF-8, or percent-encoded UTF-8 after UTF-8''";

export const OPERATOR_EXPECTED: Readonly<Record<string, string>> = {
  body: 'The body must be a JSON object',
  reason:
    'reason must have 1 to 500 characters, no control characters or broken UTF-8 among them, and not begin with a space',
};
