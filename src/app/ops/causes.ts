import { UNREADABLE } from '../../domain/message-body.ts';

/** Longer causes say nothing more about what they have in common. */
const GROUP_CHARS_MAX = 200;

/** What stands for one letter's own id, number or piece of a message in the cause of its group. */
const ID = '<id>';
const NUMBER = '<n>';

/**
 * The cause that letters have in common: the same trouble names another id, another number or another piece of a message in
 * each of them. The group of a group is itself, so that whoever names one gets it.
 */
export function causeGroup(cause: string): string {
  if (cause.startsWith(UNREADABLE)) return UNREADABLE;
  return cause
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, ID)
    .replace(/\b(?=\d*[a-f])[0-9a-f]{16,}\b/gi, ID)
    .replace(/(?<![\w<])-?\d+(\.\d+)?\b/g, NUMBER)
    .slice(0, GROUP_CHARS_MAX);
}
