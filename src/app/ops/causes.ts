import { UNREADABLE } from '../../domain/message-body.ts';

/** The rest of a longer cause adds nothing to its group. */
const GROUP_CHARS_MAX = 200;

/** Placeholder for a dead letter's own id, number or quotation in the cause of its group. */
const ID = '<id>';
const NUMBER = '<n>';

/**
 * The cause that dead letters have in common: the same error names another id, another number or another quotation in each
 * of them. The group of a group is itself, so that a group's cause selects its group.
 */
export function causeGroup(cause: string): string {
  if (cause.startsWith(UNREADABLE)) return UNREADABLE;
  return cause
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, ID)
    .replace(/\b(?=\d*[a-f])[0-9a-f]{16,}\b/gi, ID)
    .replace(/(?<![\w<])-?\d+(\.\d+)?\b/g, NUMBER)
    .slice(0, GROUP_CHARS_MAX);
}
