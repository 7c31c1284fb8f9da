import { openLiveLine, type Part } from './live-line.ts';

/** A live line for a command of several steps: which one, how many, and about how long still. */
export interface Progress {
  begins(step: number, of: number, what: string): void;
  close(): void;
}

const REDRAWN_EVERY_MS = 1_000;

/** `stepMs` is a guess at one step, until the first ones have shown how long they take. */
export function openProgress(stepMs: number, quiet = false): Progress {
  const line = openLiveLine({ quiet });
  const startedMs = performance.now();
  let parts = (_nowMs: number): readonly Part[] => [];
  const show = () => line.show(parts(performance.now() - startedMs));
  const timer = setInterval(show, REDRAWN_EVERY_MS);
  timer.unref();
  return {
    begins(step, of, what) {
      const beganMs = performance.now() - startedMs;
      const oneMs = step === 1 ? stepMs : beganMs / (step - 1);
      parts = (nowMs) => [
        { rank: 0, text: `${step} of ${of}` },
        { rank: 1, text: `${what} …` },
        { rank: 3, text: `${Math.round(nowMs / 1000)} s` },
        { rank: 2, text: leftText(oneMs * (of - step + 1) - (nowMs - beganMs)) },
      ];
      show();
    },
    close() {
      clearInterval(timer);
      line.close();
    },
  };
}

/** Rounded as a guess should be. */
export function leftText(leftMs: number): string {
  const leftS = leftMs / 1000;
  if (leftS < 5) return 'a few seconds left';
  if (leftS < 90) return `about ${Math.ceil(leftS / 5) * 5} s left`;
  return `about ${Math.ceil(leftS / 60)} min left`;
}
