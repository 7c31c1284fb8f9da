import type { Subprocess } from 'bun';
import { AppError } from '../domain/errors.ts';
import type { EngineName, PrivateEngine } from './engines.ts';
import { freezer } from './freezer.ts';
import { type Home, makeHome } from './home.ts';
import { freePorts } from './ports.ts';
import { familyOf, isAlive, signalAll } from './processes.ts';

/** RabbitMQ needs the longest, some 4 s on an idle machine. The rest is for one that is not. */
const READY_TIMEOUT_MS = 60_000;
const ASK_EVERY_MS = 20;
/** How long the kernel may take to end what has been killed. */
const END_TIMEOUT_MS = 10_000;
/** How often other ports are tried, should somebody take one between our look and the engine's start. */
const ATTEMPTS = 3;

/** How one engine's own programs are run on this machine. */
export interface NativeEngine {
  /** Made by its package. Root's engines run as it; PostgreSQL refuses to run as root. */
  readonly account: string;
  /** How many it listens on; clients use the first. */
  readonly ports: number;
  isInstalled(): boolean;
  url(home: Home): string;
  /** Makes settings and data in the empty folder. */
  initialise(home: Home): Promise<void> | void;
  /** Starts its processes. */
  start(home: Home): Promise<Subprocess[]> | Subprocess[];
  /**
   * Whether it answers, and is the one that lives here: somebody else may have been faster in taking the port.
   * Rejects while nobody answers.
   */
  isUp(home: Home): Promise<boolean>;
}

export async function startNative(name: EngineName, engine: NativeEngine): Promise<PrivateEngine> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(name, engine, await freePorts(engine.ports));
    } catch (error) {
      const portTaken = error instanceof AppError && /address already in use|eaddrinuse/i.test(error.message);
      if (!portTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

async function startOn(
  name: EngineName,
  engine: NativeEngine,
  ports: readonly number[],
): Promise<PrivateEngine> {
  const home = makeHome(name, ports, engine.account);
  let running: Subprocess[] = [];
  const family = () => running.flatMap(({ pid }) => familyOf(pid));
  const frost = freezer(family);

  const start = async () => {
    running = await engine.start(home);
    await ready(name, engine, home, running);
  };
  const kill = async () => {
    const pids = family();
    signalAll(pids, 'SIGKILL');
    frost.forget();
    await Promise.all(running.map(({ exited }) => exited));
    running = [];
    await gone(name, pids);
  };
  const close = async () => {
    await kill();
    home.remove();
  };

  try {
    await engine.initialise(home);
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name,
    url: engine.url(home),
    port: ports[0]!,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    freeze: frost.freeze,
    thaw: frost.thaw,
    close,
  };
}

async function ready(
  name: EngineName,
  engine: NativeEngine,
  home: Home,
  running: readonly Subprocess[],
): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await engine.isUp(home).catch(() => false))) {
    const why = running.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null)
      ? 'ended before it was ready'
      : performance.now() > deadline && 'was not ready in time';
    if (why) throw new AppError('unavailable', `${name} ${why}: ${home.messages() || 'it said nothing'}`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}

/** Children of a killed process belong to init then, so their end has to be looked for. */
async function gone(name: EngineName, pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  while (pids.some(isAlive)) {
    if (performance.now() > deadline) throw new AppError('unavailable', `${name} does not end`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}
