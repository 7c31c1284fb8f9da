import { AppError } from '../../src/domain/errors.ts';
import { familyOf } from './processes.ts';

/** A shell starts in a millisecond or two, and on a busy machine in some hundreds. */
const START_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 1;

export interface ParentDeathGuard {
  /**
   * Returns once the guard's shell has started, so that it works even if this process is killed now. Throws `unavailable`
   * without a shell.
   */
  awaitStart(): void;
  dismiss(): void;
}

/**
 * Runs a shell command should this process die before `dismiss`, however it dies: the guard reads a pipe whose other end
 * closes with this process. It is a grandchild, because under `--no-orphans` Bun's children die with it; and the child
 * waits for it, because Bun closes the pipe when the child ends.
 */
export function onParentDeath(command: string): ParentDeathGuard {
  const guard = Bun.spawn(['sh', '-c', `exec 3<&0; (read -r _ <&3 || { ${command}; }) & wait`], {
    // Out of reach of a Ctrl-C or a kill for our process group.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It never keeps this process from ending.
  guard.unref();
  return {
    awaitStart() {
      const deadline = performance.now() + START_TIMEOUT_MS;
      while (familyOf(guard.pid).length < 2) {
        if (familyOf(guard.pid).length === 0 || performance.now() > deadline)
          throw new AppError('unavailable', 'no shell starts that would clean up after this process');
        Bun.sleepSync(LOOK_EVERY_MS);
      }
    },
    dismiss() {
      guard.stdin.write('dismissed\n');
      void guard.stdin.end();
    },
  };
}
