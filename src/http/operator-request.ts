import type { AuditAction, AuditEntry } from '../domain/audit-entry.ts';
import { readHeaderText } from './header-text.ts';
import { type Check, type Refuse, readCheckedBody } from './json-body.ts';
import { type OperatorCall, type OperatorTrust, refuseUnlessOperator } from './operator.ts';
import { failure, problem } from './respond.ts';
import { ACTOR_PATTERN, REASON_PATTERN } from './schemas.ts';

/** What an operator asks for on our own routes. */
export interface OperatorRequest<Body> {
  readonly body: Body;
  /** Who asks, by `X-Operator`. One token serves all operators, so this is what they say of themselves. */
  readonly actor: string;
  /** The entry for the log of what is done now, with the reason of the body. */
  entry(action: AuditAction, subject: string, details?: Readonly<Record<string, unknown>>): AuditEntry;
}

/**
 * Reads an operator's call: who, then the JSON body against its compiled schema. `expected` says for a field what it accepts,
 * where the schema's own words would not do. Answers the refusal where something is wrong.
 */
export async function readOperatorRequest<Body>(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  check: Check<Body>,
  expected: Readonly<Record<string, string>> = {},
): Promise<OperatorRequest<Body> | Response> {
  const actor = readOperator(req, server, trust);
  if (actor instanceof Response) return actor;
  return readCheckedBody(req, check, { ...OPERATOR_EXPECTED, ...expected }, (body) => {
    const { reason = null } = body as { readonly reason?: string };
    return {
      body,
      actor,
      entry: (action, subject, details = {}) => newAuditEntry(actor, action, subject, reason, details),
    };
  });
}

/** The same for a call without a body: who asks, or the refusal. */
export function readOperator(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  call: OperatorCall = 'any',
  refuse: Refuse = problem,
): string | Response {
  const refusal = refuseUnlessOperator(req, server, trust, call, refuse);
  if (refusal) return refusal;
  const actor = readHeaderText(req.headers.get('x-operator') ?? 'operator');
  if (actor !== null && ACTOR.test(actor) && actor.toLowerCase() !== 'system') return actor;
  const says =
    actor === null
      ? `X-Operator ${NOT_UTF8}`
      : 'X-Operator must be a name of 1 to 64 characters, no control characters among them, and not "system"';
  return refuse(req, 'invalid_request', says, { field: 'X-Operator' });
}

/** For the operators' calls among the fixed routes: they have no body, so that a reason may come as `X-Reason`. */
export function readBareEntry(
  req: Request,
  server: Bun.Server<unknown>,
  trust: OperatorTrust,
  action: AuditAction,
): ((subject: string, details?: Readonly<Record<string, unknown>>) => AuditEntry) | Response {
  const actor = readOperator(req, server, trust, 'stock', failure);
  if (actor instanceof Response) return actor;
  const header = req.headers.get('x-reason');
  const reason = header && readHeaderText(header);
  if (header !== null && (reason === null || !REASON.test(reason))) {
    const says =
      reason === null ? `X-Reason ${NOT_UTF8}` : OPERATOR_EXPECTED.reason!.replace('reason', 'X-Reason');
    return failure(req, 'invalid_request', says, { field: 'X-Reason' });
  }
  return (subject, details = {}) => newAuditEntry(actor, action, subject, reason, details);
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
