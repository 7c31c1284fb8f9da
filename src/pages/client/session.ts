import { call } from './api.ts';
import { keepSessionEnd, sessionEnd } from './browser-store.ts';

/** Who this browser buys as, where the server knows its buyers. The session itself is in a cookie that no script reads. */
export interface OwnSession {
  readonly customer: string;
  readonly guest: boolean;
}

/** A session is renewed when it has less left than this (ms): half of a guest's. */
const RENEW_MS = 15 * 86_400_000;

/** Gets a session where the browser has none for long enough. Once for a guest; who it is stays the same. */
export async function haveSession(): Promise<void> {
  if (sessionEnd() - Date.now() < RENEW_MS) await readSession();
}

let asking: Promise<OwnSession | null> | null = null;

/**
 * Asks who this browser is, which renews a guest's session; null where there was no answer. One call at a time: two without a cookie would
 * make two guests.
 */
export function readSession(): Promise<OwnSession | null> {
  asking ??= ask().finally(() => {
    asking = null;
  });
  return asking;
}

async function ask(): Promise<OwnSession | null> {
  const answer = await call<OwnSession & { readonly expiresAt: string }>('/api/v1/session', {
    method: 'POST',
  });
  if (!answer.ok) return null;
  keepSessionEnd(Date.parse(answer.body.expiresAt));
  return answer.body;
}
