import type { AuditEntry } from '../domain/audit-entry.ts';
import type { Refuse } from './json-body.ts';
import { badKey, KEY, readKey } from './purchase-request.ts';
import type { Parameters } from './route.ts';

/**
 * The entry with the caller's `Idempotency-Key`, where there is one: it is done once then. A key belongs to the call and what that
 * is done to; a repeat has to ask for the same, in `asked`.
 */
export function withKey(
  req: Request,
  entry: AuditEntry,
  asked: object,
  refuse: Refuse,
): AuditEntry | Response {
  const header = req.headers.get('idempotency-key');
  if (header === null) return entry;
  const sent = readKey(header);
  if (sent === null) return badKey(req, refuse);
  const value = `${entry.action} ${entry.subject} ${sent}`;
  // Fields in any order are the same request.
  const fingerprint = Bun.hash(JSON.stringify(Object.entries(asked).sort())).toString(16);
  return { ...entry, key: { value, fingerprint } };
}

/** On calls of operators that would do more when they are sent twice. */
export const OPERATION_KEY: Parameters = {
  'Idempotency-Key': {
    schema: KEY,
    description:
      'Bare or quoted. The same call with the same key is done once, and answered with the product as it is then; with another ' +
      'body it is refused. Known as long as the log of operations is kept.',
  },
};
export const KEY_MISMATCH = '`idempotency_mismatch`: the key was used with another body';
