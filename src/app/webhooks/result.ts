import type { WebhookAnswer } from '../../ports/webhook-sender.ts';
import type { DueWebhook, WebhookResult } from '../../ports/webhooks.ts';

/** A target that says how long to wait is believed up to this long. */
const RETRY_AFTER_MS_MAX = 3_600_000;
/** Added to a pause at random, so that what failed together does not come together again. */
const JITTER_SHARE = 0.1;

/** What becomes of an event after this answer. `retryMs`: the pause after each try in vain; when none is left it is dead. */
export function resultOf(
  { seq, tries }: DueWebhook,
  targetId: string,
  answer: WebhookAnswer,
  retryMs: readonly number[],
): WebhookResult {
  const isAnswer = answer.type === 'answered';
  if (isAnswer && answer.status >= 200 && answer.status < 300) return { type: 'delivered', seq };
  const cause = isAnswer ? `it answered ${answer.status}` : answer.cause;
  if (isAnswer && answer.status === 410) return { type: 'gone', seq, targetId, cause };
  const pauseMs = retryMs[tries];
  if (pauseMs === undefined) return { type: 'dead', seq, cause };
  const asked = Math.min(RETRY_AFTER_MS_MAX, (isAnswer && answer.retryAfterMs) || 0);
  return {
    type: 'failed',
    seq,
    cause,
    againAfterMs: Math.max(asked, Math.round(pauseMs * (1 + JITTER_SHARE * Math.random()))),
  };
}

/** How long an event may be tried. */
export function longestMs(retryMs: readonly number[]): number {
  return Math.round(retryMs.reduce((sum, ms) => sum + ms, 0) * (1 + JITTER_SHARE));
}
