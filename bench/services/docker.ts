import { AppError } from '../../src/domain/errors.ts';
import { onParentDeath } from './parent-death-guard.ts';
import { freePorts } from './ports.ts';
import type { BackendName, PrivateBackend } from './private-backend.ts';
import type { ServiceSpec } from './spec.ts';
import { waitReady } from './wait-ready.ts';

const LOG_LINES = 20;

/** Whether a usable Docker engine is running. */
export function hasDocker(): boolean {
  return Bun.which('docker') !== null && Bun.spawnSync(['docker', 'version']).success;
}

/** Downloads an image unless it is present. */
export async function fetchImage(image: string): Promise<void> {
  if (Bun.spawnSync(['docker', 'image', 'inspect', image]).success) return;
  console.error(`pulsecart: downloading the Docker image ${image}; this is needed once`);
  await docker('pull', image);
}

/** Starts a backend's official image, in a container that is removed when this process dies. */
export async function startInDocker(name: BackendName, spec: ServiceSpec): Promise<PrivateBackend> {
  const { image, url, whoAnswers } = spec;
  const [port] = (await freePorts(1)) as [number];
  const container = `pulsecart-${name}-${process.pid}-${port}`;
  const guard = onParentDeath(`docker rm --force --volumes ${container}`);
  let isRunning = false;
  let isPaused = false;

  const ready = async () => {
    isRunning = true;
    await waitReady(name, async () => (await whoAnswers(port)) !== '', {
      hasEnded: () => false,
      messages: () => read(Bun.spawnSync(['docker', 'logs', '--tail', `${LOG_LINES}`, container])),
    });
  };
  const resume = () => {
    if (isPaused) dockerNow('unpause', container);
    isPaused = false;
  };
  const kill = async () => {
    resume();
    if (isRunning) await docker('kill', container);
    isRunning = false;
  };
  const close = async () => {
    await docker('rm', '--force', '--volumes', container);
    guard.dismiss();
  };

  try {
    const options = ['--detach', '--name', container, '--publish', `127.0.0.1:${port}:${image.port}`];
    await docker('run', ...options, ...image.options, image.name, ...image.command);
    await ready();
  } catch (error) {
    // The first error matters more than a failed clean-up.
    await close().catch(() => {});
    throw error;
  }
  return {
    name,
    url: url(port),
    port,
    processes: () => [],
    kill,
    restart: async () => {
      await kill();
      await docker('start', container);
      await ready();
    },
    pause() {
      dockerNow('pause', container);
      isPaused = true;
    },
    resume,
    close,
  };
}

async function docker(...args: string[]): Promise<void> {
  const child = Bun.spawn(['docker', ...args], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' });
  const [code, why] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw failed(args, why);
}

function dockerNow(...args: string[]): void {
  const ended = Bun.spawnSync(['docker', ...args]);
  if (!ended.success) throw failed(args, read(ended));
}

function failed([command]: string[], why: string): AppError {
  return new AppError('unavailable', `docker ${command} failed: ${why.trim()}`);
}

function read({ stdout, stderr }: Bun.SyncSubprocess<'pipe', 'pipe'>): string {
  return `${stdout}${stderr}`.trim();
}
