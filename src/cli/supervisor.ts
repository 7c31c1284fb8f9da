import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { backoffMs } from '../domain/backoff.ts';
import { AppError } from '../domain/errors.ts';
import { requireFreeAddress } from '../http/address.ts';
import type { Log } from '../observe/log.ts';
import { stopInTime, stopSignal } from './lifetime.ts';

/**
 * Several server processes on one port (SO_REUSEPORT: the system spreads new connections over them). The supervisor serves
 * nothing itself: it starts them, starts again what dies, and on SIGHUP replaces one after the other.
 *
 * A replacement takes requests before the one that it replaces stops, and that one answers with `Connection: close` for a
 * while before it closes its socket; so clients move over without a failed request.
 */
export async function superviseInstances(
  argv: readonly string[],
  config: Config,
  log: Log,
  onReady: (url: URL) => void,
): Promise<number> {
  const stopped = stopSignal();
  await requireFreeAddress(config.host, config.port);
  let stopping = false;
  let port = config.port;
  const running: Instance[] = [];

  async function start(): Promise<Instance> {
    const instance = await startInstance(argv, port);
    port = Number(instance.url.port);
    void instance.ended.then((exit) => {
      const place = running.indexOf(instance);
      if (place === -1 || stopping) return;
      running.splice(place, 1);
      log.error({ pid: instance.pid, exit }, 'an instance has ended; another one is started');
      void startAgain();
    });
    running.push(instance);
    return instance;
  }

  async function startAgain(): Promise<void> {
    for (let failures = 1; !stopping; failures++) {
      try {
        const { pid } = await start();
        return log.info({ pid }, 'instance started');
      } catch (error) {
        log.error({ err: error }, 'an instance does not start; it is tried again');
        await sleep(backoffMs(failures, RESTART_MS_FIRST, RESTART_MS_MAX));
      }
    }
  }

  let replacing = Promise.resolve();
  async function replaceAll(): Promise<void> {
    for (const old of [...running]) {
      if (stopping || !running.includes(old)) continue;
      try {
        const { pid } = await start();
        running.splice(running.indexOf(old), 1);
        const exit = await old.replace();
        log.info({ pid, replaced: old.pid, exit }, 'instance replaced');
      } catch (error) {
        log.error({ err: error }, 'a replacement does not start; what runs goes on running');
        return;
      }
    }
    log.info('all instances replaced');
  }
  process.on('SIGHUP', () => {
    replacing = replacing.then(replaceAll);
  });

  try {
    // The first one migrates the database and finds out the port; what stops it would stop the others, too.
    await start();
    await Promise.all(Array.from({ length: config.instances - 1 }, start));
  } catch (error) {
    stopping = true;
    await Promise.all(running.map((instance) => instance.stop()));
    if (error instanceof EndedEarly && typeof error.exit === 'number') return error.exit;
    throw error;
  }
  onReady(running[0]!.url);
  const signal = await stopped;
  stopping = true;
  const exits: Exit[] = [];
  await stopInTime(log, signal, async () => {
    exits.push(...(await Promise.all(running.map((instance) => instance.stop()))));
  });
  return exits.every((exit) => exit === 0) ? 0 : 1;
}

type Exit = number | string;

interface Instance {
  readonly url: URL;
  readonly pid: number;
  readonly ended: Promise<Exit>;
  stop(): Promise<Exit>;
  /** Another one has taken its place. */
  replace(): Promise<Exit>;
}

/** What a supervisor tells an instance. */
export const REPLACED = 'replaced';

/** What an instance tells its supervisor, once: it takes requests there. */
interface ReadyMessage {
  readonly ready: string;
}

/** One that ended with a status, not by a signal, has said on stderr why. */
class EndedEarly extends AppError {
  readonly exit: Exit;
  constructor(exit: Exit) {
    super('unavailable', `An instance ended with ${exit} before it was ready.`);
    this.exit = exit;
  }
}

const START_TIMEOUT_MS = 30_000;
/** Pauses before another start; an engine that is away for a minute should find its instances soon back. */
const RESTART_MS_FIRST = 100;
const RESTART_MS_MAX = 5_000;
export function tellSupervisor(url: URL): void {
  process.send?.({ ready: url.href } satisfies ReadyMessage);
}

/** Resolves in an instance that another one has taken the place of. */
export function replaced(): Promise<typeof REPLACED> {
  return new Promise((resolve) => {
    process.on('message', (message) => message === REPLACED && resolve(REPLACED));
  });
}

async function startInstance(argv: readonly string[], port: number): Promise<Instance> {
  const ready = Promise.withResolvers<URL>();
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
      ipc: (message: ReadyMessage) => ready.resolve(new URL(message.ready)),
    },
  );
  const ended = child.exited.then((code) => child.signalCode ?? code);
  void ended.then((exit) => ready.reject(new EndedEarly(exit)));
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  const url = await ready.promise.finally(() => clearTimeout(timer));
  return {
    url,
    pid: child.pid,
    ended,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
    replace() {
      child.send(REPLACED);
      return ended;
    },
  };
}
