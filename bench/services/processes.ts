import { readdirSync, readFileSync } from 'node:fs';

/** Reads the machine's processes from /proc (proc(5)). */

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** It has ended, and its parent has not reaped it yet. */
  readonly isOver: boolean;
}

/** The process and its descendants that still have an ancestor in the family; the eldest first. */
export function familyOf(pid: number): number[] {
  const living = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? [])
    .filter(({ isOver }) => !isOver);
  const family = living.some((process) => process.pid === pid) ? [pid] : [];
  // Grows while it is walked: children are appended behind their parents.
  for (const member of family)
    for (const process of living) if (process.parent === member) family.push(process.pid);
  return family;
}

export function isAlive(pid: number): boolean {
  return readProcess(pid)?.isOver === false;
}

/** Sends the signal to all that are still alive. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function readProcess(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Counted after the command name, which may itself hold spaces and brackets.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), isOver: state === 'Z' || state === 'X' };
  } catch {
    return null;
  }
}
