import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Subprocess } from 'bun';
import { AppError } from '../../src/domain/errors.ts';
import { removeFolder } from '../../src/lib/own-folder.ts';
import { type Account, accountFor, makeFolder } from './folders.ts';

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Enough for the lines with the cause of a program's end. */
const LOG_TAIL_CHARS = 1_500;
/**
 * A starter may die before its child has set its death signal; the child detects that by its parent's pid.
 */
const UNLESS_ORPHANED = 'test "$PPID" = "$0" && exec "$@"';

/** How the programs of a backend run and end. */
export interface RunAs {
  /** Made by the backend's package. Root's backends run as it; PostgreSQL refuses to run as root. */
  readonly account: string;
  /** The signal that ends the backend and leaves nothing behind in the system. */
  readonly endsWith: 'SIGKILL' | 'SIGQUIT';
}

/** The surroundings of one backend: a folder, some ports, and an account. */
export interface Workspace {
  readonly folder: string;
  readonly ports: readonly number[];
  /**
   * Starts a program in the folder, as the backend's account, in a session of its own so that Ctrl-C reaches only us. It
   * gets the signal that ends the backend when this process dies.
   */
  spawn(argv: readonly string[], env?: Readonly<Record<string, string>>): Subprocess;
  /** Runs a program to its end; rejects `unavailable` when it fails. */
  run(argv: readonly string[]): Promise<void>;
  /** The end of its programs' output. */
  messages(): string;
  remove(): void;
}

export function makeWorkspace(
  name: string,
  ports: readonly number[],
  { account: accountName, endsWith }: RunAs,
): Workspace {
  const account = accountFor(accountName);
  const folder = makeFolder(name, account);
  const log = join(folder, 'messages.log');

  const spawn: Workspace['spawn'] = (argv, env = {}) => {
    const output = openSync(log, 'a');
    const wrapper = ['setpriv', ...privileges(account), '--pdeathsig', endsWith.slice('SIG'.length)];
    try {
      return Bun.spawn([...wrapper, 'sh', '-c', UNLESS_ORPHANED, `${process.pid}`, ...argv], {
        cwd: folder,
        detached: true,
        env: { PATH: `${dirname(argv[0]!)}:${SYSTEM_PATH}`, LANG: 'C.UTF-8', HOME: folder, ...env },
        stdio: ['ignore', output, output],
      });
    } finally {
      closeSync(output);
    }
  };
  const messages = () => readFileSync(log, 'utf8').slice(-LOG_TAIL_CHARS).trim();

  return {
    folder,
    ports,
    spawn,
    async run(argv) {
      const code = await spawn(argv).exited;
      if (code !== 0) throw new AppError('unavailable', `${argv[0]} ended with ${code}: ${messages()}`);
    },
    messages,
    remove: () => removeFolder(folder),
  };
}

/** Before the death signal in the command line and in time: changing the account would clear it (prctl(2)). */
function privileges(account: Account | null): string[] {
  return account ? [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups'] : [];
}
