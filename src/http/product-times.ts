import { readTime } from './read-time.ts';
import { problem } from './respond.ts';

interface Times {
  readonly opensAt?: string | null;
  readonly closesAt?: string | null;
}

/** The same with its times in milliseconds, or the refusal of one that no calendar has. */
export function withTimes<T extends Times>(
  req: Request,
  { opensAt, closesAt, ...rest }: T,
): (Omit<T, keyof Times> & { opensAt?: number | null; closesAt?: number | null }) | Response {
  const times: { opensAt?: number | null; closesAt?: number | null } = {};
  for (const [field, text] of Object.entries({ opensAt, closesAt })) {
    if (text === undefined) continue;
    const ms = text === null ? null : readTime(text);
    if (ms === undefined)
      return problem(req, 'invalid_request', `${field} is not a time that exists: ${text}`, { field });
    times[field as keyof Times] = ms;
  }
  return { ...rest, ...times };
}
