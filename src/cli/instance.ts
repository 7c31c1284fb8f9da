import { AppError } from '../domain/errors.ts';
import { ownProgram } from '../lib/own-program.ts';

/** One of a supervisor's server processes. */
export interface Instance {
  readonly pid: number;
  /** Resolves with its address once it takes requests. Rejects when it ends before, or is killed for taking too long. */
  readonly ready: Promise<URL>;
  readonly ended: Promise<Exit>;
  /** True once it was asked to stop. */
  readonly isLeaving: boolean;
  /** SIGTERM. An instance that was not ready has no work to finish: its exit status is 0, whatever ended it. */
  stop(): Promise<Exit>;
  /** Tells the instance that it was replaced; SIGKILL after a deadline. */
  replace(): Promise<Exit>;
}

/** The exit status, or the name of the signal that ended it. */
export type Exit = number | string;

/** An instance that ended with a status, not by a signal, wrote the reason to stderr. */
export class EndedEarly extends AppError {
  readonly exit: Exit;
  constructor(exit: Exit, message: string) {
    super('unavailable', message);
    this.exit = exit;
  }
}

/** Message from a supervisor to an instance. */
export const REPLACED = 'replaced';

/** Message from an instance to its supervisor, sent once: it takes requests at this address. */
interface ReadyMessage {
  readonly ready: string;
}

/** Longer than an orderly shutdown, which has a deadline of its own. A process that is frozen would stay for ever. */
const LEAVE_TIMEOUT_MS = 15_000;

export function tellSupervisor(url: URL): void {
  process.send?.({ ready: url.href } satisfies ReadyMessage);
}

/** Resolves in an instance that was replaced. */
export function replaced(): Promise<typeof REPLACED> {
  return new Promise((resolve) => {
    process.on('message', (message) => message === REPLACED && resolve(REPLACED));
  });
}

/** Spawns an instance; port 0 takes any free port. */
export function startInstance(argv: readonly string[], port: number, startTimeoutMs: number): Instance {
  const ready = Promise.withResolvers<URL>();
  let isReady = false;
  let isLeaving = false;
  const args = ['instance', ...argv, '--port', `${port}`, '--instances', '1'];
  const child = Bun.spawn(ownProgram(args, process.execArgv), {
    env: process.env,
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    ipc(message: ReadyMessage) {
      isReady = true;
      clearTimeout(timer);
      ready.resolve(new URL(message.ready));
    },
  });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, startTimeoutMs);
  const ended = child.exited.then((code) => child.signalCode ?? code);
  void ended.then((exit) => {
    clearTimeout(timer);
    const how = isLate
      ? `was not ready within ${startTimeoutMs} ms`
      : `ended with ${exit} before it was ready`;
    ready.reject(new EndedEarly(exit, `An instance ${how}.`));
  });

  return {
    pid: child.pid,
    ready: ready.promise,
    ended,
    get isLeaving() {
      return isLeaving;
    },
    async stop() {
      isLeaving = true;
      child.kill('SIGTERM');
      const exit = await ended;
      return isReady ? exit : 0;
    },
    async replace() {
      isLeaving = true;
      const killing = setTimeout(() => child.kill('SIGKILL'), LEAVE_TIMEOUT_MS);
      // It may have ended while its replacement started.
      if (child.exitCode === null && child.signalCode === null) child.send(REPLACED);
      return ended.finally(() => clearTimeout(killing));
    },
  };
}
