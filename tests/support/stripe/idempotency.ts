import { createBoundedMap } from '../../../src/lib/bounded-map.ts';
import { invalidRequest, StripeRefusal } from './refusals.ts';

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Stripe keeps keys for 24 hours at least. */
const KEPT_SECONDS = 24 * 3_600;
const KEY_CHARS_MAX = 255;
const KEYS_MAX = 200_000;

interface Entry {
  readonly request: string;
  readonly since: number;
  /** Null while the first request is being executed. */
  answer: Answer | null;
}

/** Answers under their idempotency keys, as docs.stripe.com/api/idempotent_requests has it. `now` is in seconds. */
export function createIdempotency(now: () => number) {
  const entries = createBoundedMap<Entry>(KEYS_MAX);
  return {
    /** The answer that was given under this key; null: the request is the first, and the key is in use from now on. */
    begin(key: string, request: string): Answer | null {
      if (key.length > KEY_CHARS_MAX)
        throw invalidRequest(`Idempotency keys have at most ${KEY_CHARS_MAX} characters.`);
      const entry = entries.get(key);
      if (!entry || now() - entry.since >= KEPT_SECONDS) {
        entries.set(key, { request, since: now(), answer: null });
        return null;
      }
      if (entry.request !== request) throw otherRequest(key);
      if (!entry.answer) throw inUse(key);
      return { ...entry.answer, headers: { ...entry.answer.headers, 'Idempotent-Replayed': 'true' } };
    },
    /** Keeps the answer; null: nothing was executed, and the key is free. */
    end(key: string, answer: Answer | null): void {
      const entry = entries.get(key);
      if (!entry) return;
      if (answer) entry.answer = answer;
      else entries.delete(key);
    },
  };
}

function otherRequest(key: string) {
  const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
  return new StripeRefusal(400, { type: 'idempotency_error', message }, false);
}

function inUse(key: string) {
  const message = `There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): ${key}. Please try again later.`;
  return new StripeRefusal(
    409,
    { type: 'invalid_request_error', code: 'idempotency_key_in_use', message },
    false,
  );
}
