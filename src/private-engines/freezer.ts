import type { Subprocess } from 'bun';
import { signalAll } from './processes.ts';

export interface Freezer {
  freeze(): void;
  thaw(): void;
  /** For processes that have been killed: there is nobody left to thaw. */
  forget(): void;
}

/**
 * Stops and continues a family of processes. What is frozen cannot notice that its parent has died; so a guard, which
 * can, thaws it then: it reads a pipe whose other end is this process's, and that closes with it.
 */
export function freezer(family: () => number[]): Freezer {
  let frozen: number[] = [];
  let guard: Subprocess | null = null;

  const dismissGuard = () => {
    guard?.kill('SIGKILL');
    guard = null;
  };
  return {
    freeze() {
      // Twice, because a server may have started another process before it was stopped itself.
      signalAll(family(), 'SIGSTOP');
      frozen = family();
      signalAll(frozen, 'SIGSTOP');
      guard ??= Bun.spawn(['sh', '-c', `read -r _; kill -CONT ${frozen.join(' ')}`], {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
      });
    },
    thaw() {
      signalAll(frozen, 'SIGCONT');
      frozen = [];
      dismissGuard();
    },
    forget() {
      frozen = [];
      dismissGuard();
    },
  };
}
