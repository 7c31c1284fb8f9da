import type { Subprocess } from 'bun';
import { AppError } from '../../src/domain/errors.ts';
import { createPause } from './pause.ts';
import { freePorts } from './ports.ts';
import type { BackendName, PrivateBackend } from './private-backend.ts';
import { familyOf, isAlive, signalAll } from './processes.ts';
import type { ServiceSpec } from './spec.ts';
import { waitReady } from './wait-ready.ts';
import { makeWorkspace } from './workspace.ts';

/** How long the kernel may take to end killed processes. */
const END_TIMEOUT_MS = 10_000;
const LOOK_EVERY_MS = 5;
/** Attempts with other ports, should another process take one between our check and the backend's start. */
const ATTEMPTS = 3;

/** Starts a backend's own programs as children of this process. */
export async function startNative(name: BackendName, spec: ServiceSpec): Promise<PrivateBackend> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(name, spec, await freePorts(spec.native.ports));
    } catch (error) {
      const portTaken = error instanceof AppError && /address already in use|eaddrinuse/i.test(error.message);
      if (!portTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

async function startOn(
  name: BackendName,
  { native, url, whoAnswers }: ServiceSpec,
  ports: readonly number[],
): Promise<PrivateBackend> {
  const workspace = makeWorkspace(name, ports, native);
  const port = ports[0]!;
  let running: Subprocess[] = [];
  const family = () => running.flatMap(({ pid }) => familyOf(pid));
  const pause = createPause(family);

  const start = async () => {
    running = await native.start(workspace);
    await waitReady(name, async () => (await whoAnswers(port)) === native.self(workspace), {
      hasEnded: () => running.some(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null),
      messages: workspace.messages,
    });
  };
  const kill = async () => {
    const pids = family();
    signalAll(pids, 'SIGKILL');
    pause.forget();
    await Promise.all(running.map(({ exited }) => exited));
    running = [];
    await gone(name, pids);
  };
  const close = async () => {
    try {
      if (native.endsWith === 'SIGKILL') return;
      // A killed backend has left shared memory behind, and removes it itself at its start.
      if (running.length === 0) await start();
      pause.resume();
      const pids = family();
      for (const child of running) child.kill(native.endsWith);
      await gone(name, pids);
    } finally {
      await kill();
      workspace.remove();
    }
  };

  try {
    await native.initialise(workspace);
    await start();
  } catch (error) {
    // The first error matters more than those that follow from it.
    await close().catch(() => {});
    throw error;
  }
  return {
    name,
    url: url(port),
    port,
    processes: family,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    pause: pause.pause,
    resume: pause.resume,
    close,
  };
}

/** Children of a killed process belong to init then, so their end has to be polled. */
async function gone(name: BackendName, pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + END_TIMEOUT_MS;
  while (pids.some(isAlive)) {
    if (performance.now() > deadline) throw new AppError('unavailable', `${name} does not end`);
    await Bun.sleep(LOOK_EVERY_MS);
  }
}
