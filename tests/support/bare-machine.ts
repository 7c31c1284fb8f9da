import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, runToEnd } from './command.ts';
import { temporaryFolder } from './folder.ts';
import { isRunning } from './processes.ts';

/**
 * Machines on which Redis is missing, in miniature: a folder that is the whole PATH, with stand-ins for the programs that
 * would change the real machine. What they are called with is written down.
 */

/** Null where there is none to stand behind the stand-ins, which are for Linux. */
export const REDIS =
  process.platform === 'linux' ? (Bun.which('redis-server') ?? Bun.which('valkey-server')) : null;
/** What a Debian has without any package of ours, as far as it is used. */
const BASICS = ['sh', 'cat', 'chmod', 'ln', 'mv', 'rm', 'setpriv', 'true'];

export interface Machine extends Disposable {
  /** The folder that is its PATH. */
  readonly path: string;
  addProgram(name: string, script: string): void;
  /** A Docker whose only image is a Redis. */
  addDocker(): void;
  /** The arguments of each call of a stand-in, in order. */
  calls(name: string): string[];
  /** A file in the folder; null if there is none. */
  read(name: string): string | null;
  /** Runs a program for Bun on it. */
  run(program: string): Promise<Ended>;
  install(...packages: string[]): Promise<Ended>;
}

export function aMachine(): Machine {
  const folder = temporaryFolder();
  const { path } = folder;
  // Backends run as accounts of their own.
  chmodSync(path, 0o755);
  for (const name of BASICS) symlinkSync(Bun.which(name)!, join(path, name));
  const read = (name: string) => {
    const file = join(path, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  };
  const addProgram = (name: string, script: string) => {
    writeFileSync(join(path, name), `#!/bin/sh\ncd ${path}\necho "$*" >> ${name}.calls\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  };
  const run = (command: readonly string[]) => runToEnd(command, { env: { PATH: path } });
  return {
    path,
    addProgram,
    addDocker: () => addProgram('docker', DOCKER),
    calls: (name) => read(`${name}.calls`)?.trim().split('\n') ?? [],
    read,
    run: (program) => run([process.execPath, '-e', program]),
    install(...packages) {
      const script = join(import.meta.dir, 'services', 'install-packages.sh');
      return run([join(path, 'sh'), script, join(path, 'policy'), ...packages]);
    },
    [Symbol.dispose]() {
      const pid = Number(read('pid'));
      if (pid > 0 && isRunning(pid)) process.kill(pid, 'SIGKILL');
      folder[Symbol.dispose]();
    },
  };
}

/** The container's name ends with its port. As with Docker's own, what was killed is over when `kill` returns, and its port free. */
const DOCKER = `
for word; do case $word in pulsecart-redis-*) port=\${word##*-} ;; esac; done
case $1 in
  image) exit 1 ;;
  run | start) ${REDIS} --port $port --save '' --daemonize yes --pidfile $PWD/pid ;;
  kill | rm)
    pid=$(cat pid)
    kill -KILL $pid && while read -r stat 2>&- < /proc/$pid/stat; do case $stat in *') Z'*) break ;; esac; done ;;
  pause) kill -STOP $(cat pid) ;;
  unpause) kill -CONT $(cat pid) ;;
esac`;
