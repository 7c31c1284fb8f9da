import { AppError } from '../../src/domain/errors.ts';

/** RabbitMQ needs the longest: 6 s of processor time, which took up to 13 s where others wanted it, too. */
const TIMEOUT_MS = 60_000;
const ASK_EVERY_MS = 20;

/** What to say about an engine that is not there yet. */
export interface Life {
  /** True when waiting any longer is of no use. */
  hasEnded(): boolean;
  messages(): string;
}

/** Resolves once the question is answered with yes; rejects `unavailable` when that will not happen any more. */
export async function untilUp(name: string, isUp: () => Promise<boolean>, life?: Life): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await isUp().catch(() => false))) {
    const why = life?.hasEnded() ? 'ended before it was ready' : 'was not ready in time';
    if (life?.hasEnded() || performance.now() > deadline)
      throw new AppError('unavailable', `${name} ${why}: ${life?.messages() || 'it said nothing'}`);
    await Bun.sleep(ASK_EVERY_MS);
  }
}
