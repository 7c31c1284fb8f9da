import { backoffMs } from '../../lib/backoff.ts';
import type { CaptureListener, CaptureNotice } from '../../ports/provider.ts';
import type { Later } from './timer-wheel.ts';

/** Pauses before a webhook is retried, as payment companies do. */
const RETRY_MS_FIRST = 100;
const RETRY_MS_MAX = 30_000;

/** Delivers captures to the listener until it accepts them, and keeps them while there is none. */
export function createWebhooks(later: Later) {
  const undelivered = new Set<CaptureNotice>();
  const waiting = new Set<CaptureNotice>();
  let listener: CaptureListener | null = null;

  async function deliver(capture: CaptureNotice, failures = 0): Promise<void> {
    if (!listener) {
      waiting.add(capture);
      return;
    }
    try {
      await listener(capture);
      undelivered.delete(capture);
    } catch {
      later(backoffMs(failures + 1, RETRY_MS_FIRST, RETRY_MS_MAX), () => void deliver(capture, failures + 1));
    }
  }

  return {
    send({ key, providerId }: CaptureNotice): void {
      const capture = { key, providerId };
      undelivered.add(capture);
      void deliver(capture);
    },

    /** How many were not accepted yet. */
    undelivered: () => undelivered.size,

    onCapture(newListener: CaptureListener): () => void {
      listener = newListener;
      for (const capture of waiting) {
        waiting.delete(capture);
        void deliver(capture);
      }
      return () => {
        if (listener === newListener) listener = null;
      };
    },
  };
}
