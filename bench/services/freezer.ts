import { type Guard, ifWeDie } from './guard.ts';
import { signalAll } from './processes.ts';

export interface Freezer {
  freeze(): void;
  thaw(): void;
  /** For processes that have been killed: there is nobody left to thaw. */
  forget(): void;
}

/** Stops and continues a family of processes. What is frozen cannot notice that its starter has died, so it is thawed then. */
export function freezer(family: () => number[]): Freezer {
  let frozen: number[] = [];
  let guard: Guard | null = null;

  const forget = () => {
    frozen = [];
    guard?.dismiss();
    guard = null;
  };
  return {
    freeze() {
      // Twice, because a server may have started another process before it was stopped itself.
      signalAll(family(), 'SIGSTOP');
      frozen = family();
      signalAll(frozen, 'SIGSTOP');
      guard?.dismiss();
      guard = ifWeDie(`kill -CONT ${frozen.join(' ')}`);
      guard.awaitStart();
    },
    thaw() {
      signalAll(frozen, 'SIGCONT');
      forget();
    },
    forget,
  };
}
