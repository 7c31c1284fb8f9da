import { createScrub } from './scrub.ts';

/**
 * What a bug that nobody caught says before it ends the process: its stack alone, on standard error. Bun itself would print every
 * property of the error, and those that clients add are rows, commands and their arguments.
 */
export function explainCrashes(exit: (status: number) => void = process.exit): void {
  const scrub = createScrub();
  const say = (error: unknown) => {
    const said = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    console.error(scrub(`pulsecart: ended by a bug: ${said}`));
    exit(1);
  };
  process.on('uncaughtException', say);
  process.on('unhandledRejection', say);
}
