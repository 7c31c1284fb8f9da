import { backoffMs } from '../../lib/backoff.ts';
import type { CaptureListener, CaptureNotice } from '../../ports/provider.ts';
import type { Later } from './timer-wheel.ts';

/** Pauses before a notice that was not taken is told again, as companies make them between two calls of a webhook. */
const AGAIN_MS_FIRST = 100;
const AGAIN_MS_MAX = 30_000;

/** Tells captures to the listener until it takes them, and keeps them while there is none. */
export function createNotices(later: Later) {
  const untold = new Set<CaptureNotice>();
  const waiting = new Set<CaptureNotice>();
  let listener: CaptureListener | null = null;

  async function say(capture: CaptureNotice, failures = 0): Promise<void> {
    if (!listener) {
      waiting.add(capture);
      return;
    }
    try {
      await listener(capture);
      untold.delete(capture);
    } catch {
      later(backoffMs(failures + 1, AGAIN_MS_FIRST, AGAIN_MS_MAX), () => void say(capture, failures + 1));
    }
  }

  return {
    tell({ key, providerId }: CaptureNotice): void {
      const capture = { key, providerId };
      untold.add(capture);
      void say(capture);
    },

    /** Not taken by anybody yet. */
    count: () => untold.size,

    onCapture(newListener: CaptureListener): () => void {
      listener = newListener;
      for (const capture of waiting) {
        waiting.delete(capture);
        void say(capture);
      }
      return () => {
        if (listener === newListener) listener = null;
      };
    },
  };
}
