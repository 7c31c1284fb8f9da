import { AppError } from '../domain/errors.ts';

/** One of the server processes of a supervisor, as that one sees it. */
export interface Instance {
  readonly pid: number;
  /** Where it takes requests, once it does. Rejects when it ends before, which it has to when it takes too long. */
  readonly ready: Promise<URL>;
  readonly ended: Promise<Exit>;
  /** Whether it was told to end. */
  readonly isLeaving: boolean;
  /** SIGTERM. One that was not ready yet has nothing to finish: its exit status is 0, whatever ended it. */
  stop(): Promise<Exit>;
  /** Tells it that another one has taken its place; SIGKILL after a deadline. */
  replace(): Promise<Exit>;
}

/** The exit status, or the signal's name where a signal ended it. */
export type Exit = number | string;

/** One that ended with a status, not by a signal, has said on stderr why. */
export class EndedEarly extends AppError {
  readonly exit: Exit;
  constructor(exit: Exit, message: string) {
    super('unavailable', message);
    this.exit = exit;
  }
}

/** What a supervisor tells an instance. */
export const REPLACED = 'replaced';

/** What an instance tells its supervisor, once: it takes requests there. */
interface ReadyMessage {
  readonly ready: string;
}

/** Longer than an orderly shutdown, which has a deadline of its own. A process that is frozen would stay for ever. */
const LEAVE_TIMEOUT_MS = 15_000;

export function tellSupervisor(url: URL): void {
  process.send?.({ ready: url.href } satisfies ReadyMessage);
}

/** Resolves in an instance that another one has taken the place of. */
export function replaced(): Promise<typeof REPLACED> {
  return new Promise((resolve) => {
    process.on('message', (message) => message === REPLACED && resolve(REPLACED));
  });
}

/** Begins to start one; with port 0 it takes any free one. */
export function startInstance(argv: readonly string[], port: number, startTimeoutMs: number): Instance {
  const ready = Promise.withResolvers<URL>();
  let isReady = false;
  let isLeaving = false;
  const child = Bun.spawn(
    [
      process.execPath,
      ...new Set(['--no-orphans', ...process.execArgv]),
      Bun.main,
      'instance',
      ...argv,
      '--port',
      `${port}`,
      '--instances',
      '1',
    ],
    {
      env: process.env,
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      ipc(message: ReadyMessage) {
        isReady = true;
        clearTimeout(timer);
        ready.resolve(new URL(message.ready));
      },
    },
  );
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
      // It may have ended by itself while the other one started; then there is nobody to tell.
      if (child.exitCode === null && child.signalCode === null) child.send(REPLACED);
      return ended.finally(() => clearTimeout(killing));
    },
  };
}
