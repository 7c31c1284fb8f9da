import { onParentDeath, type ParentDeathGuard } from './parent-death-guard.ts';
import { signalAll } from './processes.ts';

export interface Pause {
  pause(): void;
  resume(): void;
  /** For killed processes: none is left to resume. */
  forget(): void;
}

/** Stops and continues a family of processes. A paused process cannot notice that its starter has died, so it is resumed then. */
export function createPause(family: () => number[]): Pause {
  let paused: number[] = [];
  let guard: ParentDeathGuard | null = null;

  const forget = () => {
    paused = [];
    guard?.dismiss();
    guard = null;
  };
  return {
    pause() {
      // Twice, because a server may have started another process before it was stopped itself.
      signalAll(family(), 'SIGSTOP');
      paused = family();
      signalAll(paused, 'SIGSTOP');
      guard?.dismiss();
      guard = onParentDeath(`kill -CONT ${paused.join(' ')}`);
      guard.awaitStart();
    },
    resume() {
      signalAll(paused, 'SIGCONT');
      forget();
    },
    forget,
  };
}
