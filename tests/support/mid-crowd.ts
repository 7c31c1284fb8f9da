import { type CrowdOptions, type CrowdProgress, type CrowdResult, runCrowd } from '../../bench/crowd.ts';

/**
 * A crowd in the middle of which something happens: once this share of it has come, some of those have been answered and others
 * wait for their answer, however busy the machine. Rejects when that never was so.
 */
export async function strikeInCrowd<T>(
  options: CrowdOptions & { readonly patienceMs: number },
  afterShare: number,
  strike: (progress: () => CrowdProgress) => Promise<T>,
): Promise<{ crowd: CrowdResult; struck: T }> {
  let struck: Promise<T> | undefined;
  let last: CrowdProgress | undefined;
  const crowd = await runCrowd({
    ...options,
    patienceMs: () => (struck ? options.patienceMs : UNSTRUCK_PATIENCE_MS),
    progressEveryMs: 0,
    onProgress(progress) {
      last = progress;
      const isMiddle = progress.offered >= afterShare * options.users && heardOf(progress) > 0;
      if (isMiddle && waitingOf(progress) > 0) struck ??= strike(() => last!);
    },
  });
  if (!struck) throw new Error(`The crowd was over before anything happened to it: ${JSON.stringify(last)}`);
  return { crowd, struck: await struck };
}

/** A busy machine may need this long for the first answer. */
const UNSTRUCK_PATIENCE_MS = 60_000;

/** Buyers who have their answer, the 202 of an async purchase included. */
function heardOf({ answered, backlog }: CrowdProgress): number {
  return answered + backlog;
}

/** Buyers who have asked and have no answer. */
export function waitingOf(progress: CrowdProgress): number {
  return progress.offered - heardOf(progress);
}
