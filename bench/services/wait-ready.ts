import { AppError } from '../../src/domain/errors.ts';

/** RabbitMQ needs the longest: 6 s of processor time, which took up to 13 s on a busy machine. */
const TIMEOUT_MS = 60_000;
const ASK_EVERY_MS = 20;

/** State of a backend that is not ready yet. */
export interface Startup {
  /** True when further waiting is useless. */
  hasEnded(): boolean;
  messages(): string;
}

/** Resolves once `isUp` does with true; rejects `unavailable` when the backend has ended or the time is over. */
export async function waitReady(
  name: string,
  isUp: () => Promise<boolean>,
  startup?: Startup,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await isUp().catch(() => false))) {
    const why = startup?.hasEnded() ? 'ended before it was ready' : 'was not ready in time';
    if (startup?.hasEnded() || performance.now() > deadline)
      throw new AppError('unavailable', `${name} ${why}: ${startup?.messages() || 'it said nothing'}`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}
